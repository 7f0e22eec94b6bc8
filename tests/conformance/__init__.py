"""What Prometheus' and Alertmanager's own cases say: `python -m tests.conformance`.

Samples are encoded as senders write them, cut at random places and driven through the source
stage and the shard owners; expressions enter as rules of kind `query`. Nothing here looks at a
plan or a window. Alertmanager's are in a room of their own (tests.conformance.alertmanager).
"""
