@simulated
Feature: What the server says of itself stands in the same table
  What it measures itself and what its users see have one clock, and are judged in one place.

  Scenario: Where the time of a request went
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And prompts of 512 ± 64 tokens are answered in 128 ± 32 tokens
    And requests arrive as a Poisson process at 8 per second
    And the first 10 seconds are warm-up
    When the load runs for 1 minute
    Then these objectives are met:
      | p95 TTFT                                                   | at most 500 ms                 |
      | mean server TTFT                                           | at most 100 ms                 |
      | p95 server TTFT                                            | at most 250 ms                 |
      | p95 queue time                                             | at most 300 ms                 |
      | mean prefill time                                          | at most 100 ms                 |
      | mean decode time                                           | between 0.5 s and 5 s          |
      | mean server ITL                                            | at most 25 ms                  |
      | p95 server E2E latency                                     | at most 5 s                    |
      | mean server output throughput                              | at least 500 tokens per second |
      | max waiting requests                                       | at most 8                      |
      | total aborted requests                                     | none                           |
      | total "vllm:request_success_total{finished_reason=length}" | at least 400                   |
