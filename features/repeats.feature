Feature: One lucky minute is no evidence
  The load is repeated with other seeds, and how much the runs differ counts.

  Scenario: Chat, three times
    Given the model "llama-3.1-8b" is being served
    And conversations are drawn from "prompts"
    And answers are at most 64 tokens long
    And the prefix cache is cold
    And requests arrive as a Poisson process at 8 per second
    And the first 5 seconds are warm-up
    And everything is repeated 3 times
    When the load runs for 30 seconds
    Then these objectives are met:
      | p95 TTFT   | at most 500 ms |
      | error rate | none           |
