"""What the finding of stories is worth: B-cubed on articles about known events.

``first.ndjson`` is what thresholds were set on, ``second.ndjson`` what they are measured on. Both were
written for this, about events that never were, in the words of different newsrooms; they are in the public
domain.
"""
