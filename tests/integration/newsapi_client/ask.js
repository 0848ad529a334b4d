// Asks a server, whose address is given, as programs that use this client do; prints what they would see.
"use strict";

const NewsAPI = require("newsapi");

const api = new NewsAPI("a key", { corsProxyUrl: process.argv[2] });

function told(promise) {
  return promise.then(
    (found) => found,
    (error) => ({ name: error.name, message: error.message }),
  );
}

async function main() {
  const answers = {
    everything: await told(api.v2.everything({ q: "ferry", language: "en", pageSize: 2 })),
    headlines: await told(api.v2.topHeadlines()),
    sources: await told(api.v2.sources({})),
    callback: await new Promise((done) => {
      api.v2.everything({ q: '"ferry line" -nothing' }, (error, found) => done(error || found));
    }),
    headers: await told(
      api.v2
        .everything({ q: "ferry" }, { showHeaders: true, noCache: true })
        .then(({ headers, body }) => ({ cached: headers.get("x-cached-result"), total: body.totalResults })),
    ),
    missing: await told(api.v2.everything({})),
    deep: await told(api.v2.everything({ q: "ferry", page: 5000 })),
    mixed: await told(api.v2.topHeadlines({ sources: "harbour.example", country: "gb" })),
  };
  process.stdout.write(JSON.stringify(answers));
}

main();
