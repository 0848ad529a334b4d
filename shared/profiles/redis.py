"""Source profiles in Redis, shared by every worker: five keys a source, which end with its silence.

A source's ``often`` hash holds its number of articles and the lines met three times or more, which is all
that a reader is sent; lines met once or twice wait in ``rare``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import redis

from shared.errors import Unavailable
from shared.profiles.port import (
    EMPTY,
    HALVED_AT,
    KEPT_SECONDS,
    MOST_DESCRIPTIONS,
    MOST_LINES,
    OFTEN,
    ROOMY_LINES,
    Sighting,
    SourceProfile,
)

KEY = "copydesk:source:{}:{}"
PARTS = ("often", "rare", "about", "ids", "older")  # the order in which the script reads a source's keys
MOST_OF_ARTICLE = 1_000  # lines; unpack() of several thousand values fails
ARTICLES = b"n"  # a field of `often` beside the hashes, which are longer

# One atomic step a batch: a worker that dies has counted all of it or nothing, and who counts again is told
# by the ids. ARGV: the limits, then for each article its id, its number of lines, the lines, its number of
# descriptions, the descriptions; KEYS: five for each article.
COUNT = """
local kept, most, roomy, often_from, most_about, halved_at = tonumber(ARGV[1]), tonumber(ARGV[2]),
  tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])

local function each(key, act)
  local all = redis.call('HGETALL', key)
  for place = 1, #all, 2 do
    if #all[place] > 1 then act(all[place], tonumber(all[place + 1])) end
  end
end

local function met(often, rare, line, known)
  if known then
    redis.call('HINCRBY', often, line, 1)
  elseif redis.call('HINCRBY', rare, line, 1) >= often_from then
    redis.call('HSET', often, line, often_from)
    redis.call('HDEL', rare, line)
  end
end

local function halve(often, rare, about, ids, older)
  each(rare, function(line, count)
    if count > 1 then redis.call('HSET', rare, line, math.floor(count / 2))
    else redis.call('HDEL', rare, line) end
  end)
  each(often, function(line, count)
    local half = math.floor(count / 2)
    if half >= often_from then redis.call('HSET', often, line, half)
    else
      redis.call('HDEL', often, line)
      redis.call('HSET', rare, line, half)
    end
  end)
  local said = redis.call('ZRANGE', about, 0, -1, 'WITHSCORES')
  for place = 1, #said, 2 do
    redis.call('ZADD', about, math.max(1, math.floor(tonumber(said[place + 1]) / 2)), said[place])
  end
  redis.call('HSET', often, 'n', math.floor(tonumber(redis.call('HGET', often, 'n')) / 2))
  redis.call('RENAME', ids, older)
end

local function size(often, rare)
  return redis.call('HLEN', often) - 1 + redis.call('HLEN', rare)
end

local function trim(often, rare)
  if size(often, rare) <= most then return end
  each(rare, function(line, count) if count == 1 then redis.call('HDEL', rare, line) end end)
  if size(often, rare) <= roomy then return end
  redis.call('DEL', rare)
  local lines = {}
  each(often, function(line, count) lines[#lines + 1] = {line, count} end)
  table.sort(lines, function(one, two) return one[2] > two[2] end)
  for place = roomy + 1, #lines do redis.call('HDEL', often, lines[place][1]) end
end

local function trim_about(about, new)
  local said = redis.call('ZRANGE', about, 0, -1)
  local over = #said - most_about
  for pass = 1, 2 do
    for _, text in ipairs(said) do
      if over > 0 and (pass == 2 or not new[text]) and redis.call('ZREM', about, text) == 1 then
        over = over - 1
      end
    end
  end
end

local place = 7
local function take()
  place = place + 1
  return ARGV[place - 1]
end

for first = 1, #KEYS, 5 do
  local often, rare, about, ids, older = KEYS[first], KEYS[first + 1], KEYS[first + 2], KEYS[first + 3],
    KEYS[first + 4]
  local id = take()
  local lines, texts = {}, {}
  for number = 1, tonumber(take()) do lines[number] = take() end
  for number = 1, tonumber(take()) do texts[number] = take() end
  if redis.call('SISMEMBER', older, id) == 0 and redis.call('SADD', ids, id) == 1 then
    local articles = redis.call('HINCRBY', often, 'n', 1)
    local new = {}
    local known = #lines > 0 and redis.call('HMGET', often, unpack(lines)) or {}
    for number, line in ipairs(lines) do met(often, rare, line, known[number]) end
    for _, text in ipairs(texts) do
      redis.call('ZINCRBY', about, 1, text)
      new[text] = true
    end
    if articles >= halved_at then halve(often, rare, about, ids, older) end
    trim(often, rare)
    trim_about(about, new)
    for number = first, first + 4 do redis.call('PEXPIRE', KEYS[number], kept) end
  end
end
return redis.status_reply('OK')
"""


class RedisSourceProfiles:
    """``SourceProfiles`` on one Redis or Valkey server, version 7 or newer."""

    def __init__(self, client: redis.Redis, kept: float = KEPT_SECONDS) -> None:
        self._client = client
        self._limits = (int(kept * 1000), MOST_LINES, ROOMY_LINES, OFTEN, MOST_DESCRIPTIONS, HALVED_AT)
        self._count = client.register_script(COUNT)

    def read(self, source_ids: Collection[str]) -> dict[str, SourceProfile]:
        """The profile of each source that is asked for, in one round trip; ``EMPTY`` for an unknown one."""
        wanted = list(dict.fromkeys(source_ids))
        if not wanted:
            return {}
        with _as_unavailable():
            asked = self._client.pipeline(transaction=False)
            for source_id in wanted:
                asked.hgetall(KEY.format(source_id, "often"))
                asked.zrange(KEY.format(source_id, "about"), 0, -1, withscores=True)
            found = asked.execute()
        pairs = zip(found[::2], found[1::2], strict=True)
        return {source_id: _profile(*pair) for source_id, pair in zip(wanted, pairs, strict=True)}

    def count(self, sightings: Sequence[Sighting]) -> None:
        """Count articles in one atomic step; those counted before change nothing."""
        if not sightings:
            return
        keys = [KEY.format(sighting.source_id, part) for sighting in sightings for part in PARTS]
        values: list[str | bytes | int] = list(self._limits)
        for sighting in sightings:
            lines = sorted(sighting.lines)[:MOST_OF_ARTICLE]
            values += (_short(sighting.article_id), len(lines), *lines)
            values += (len(sighting.descriptions), *sighting.descriptions)
        with _as_unavailable():
            self._count(keys=keys, args=values)


def _profile(often: dict[bytes, bytes], about: list[tuple[bytes, float]]) -> SourceProfile:
    if ARTICLES not in often:
        return EMPTY
    lines = {line: int(met) for line, met in often.items() if line != ARTICLES}
    told: list[Any] = sorted(about, key=lambda item: (-item[1], item[0]))
    descriptions = tuple(text.decode("utf-8", "replace") for text, _ in told)
    return SourceProfile(int(often[ARTICLES]), lines, descriptions)


def _short(article_id: str) -> bytes:
    """Return 8 bytes that stand for an article's id among the few hundred kept of a source."""
    return blake2b(article_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()


@contextmanager
def _as_unavailable() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        raise Unavailable(f"source profiles: {error}") from error
