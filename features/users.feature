Feature: A team of regular users is served well
  A closed loop: no user asks again before the last answer was read.

  Scenario: Thirty-two users who think for two seconds
    Given the model "llama-3.1-8b" is being served
    And conversations are drawn from "sharegpt"
    And answers are at most 64 tokens long
    And every answer runs to its full length
    And the prefix cache is cold
    And 32 users ask with a think time of 2 seconds
    And the first 5 seconds are warm-up
    When the load runs for 2 minutes
    Then these objectives are met:
      | p95 TTFT         | at most 500 ms |
      | p90 E2E latency  | at most 5 s    |
      | mean concurrency | at most 32     |
      | error rate       | none           |
