-- The lookup that the canned server answers, as the harness sends it.
wrk.method = "POST"
wrk.path = "/queries/v1/query-request?requestId=7c1f9a52-2f0b-4c4e-9d0e-2f4f6b0a5d11"
  .. "&request_guid=0d4b1c6e-8a37-4b59-9a5d-6a3c2f1e7b90"
wrk.headers["accept"] = "application/snowflake"
wrk.headers["accept-encoding"] = "gzip"
wrk.headers["authorization"] = 'Snowflake Token="' .. string.rep("t", 88) .. '"'
wrk.headers["content-type"] = "application/json"
wrk.headers["user-agent"] = "snowgauge/0.1.0"
wrk.body = '{"sqlText":"SELECT * FROM ORDER_LOOKUP WHERE ORDER_ID = 4711","asyncExec":false,'
  .. '"isInternal":false,"querySubmissionTime":1763762400000,'
  .. '"parameters":{"QUERY_TAG":"snowgauge/BENCH/lookup"},"sequenceId":4711}'
