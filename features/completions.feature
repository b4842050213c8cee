Feature: Completions of a known length keep their pace
  A batch job knows how long its prompts and its answers are, and plans with that.

  Scenario: Prompts of 512 tokens, answers of 128
    Given the model "llama-3.1-8b" is being served
    And prompts of 512 ± 64 tokens are answered in 128 ± 32 tokens
    And requests arrive evenly at 6 per second
    And the first 10 seconds are warm-up
    And the seed is 7
    When the load runs for 1 minute
    Then these objectives are met:
      | p95 TTFT          | at most 300 ms                  |
      | p50 TPOT          | at most 30 ms                   |
      | output throughput | at least 600 tokens per second  |
      | error rate        | none                            |
