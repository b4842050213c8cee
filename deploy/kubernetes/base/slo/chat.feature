Feature: Chat answers promptly
  Replace this file by features of your own: each of them is an entry of the ConfigMap that the Job mounts.

  Scenario: Everyday traffic
    Given the model "llama-3.1-8b" is being served
    And prompts of 256 ± 64 tokens are answered in 32 ± 8 tokens
    And the prefix cache is cold
    And requests arrive as a Poisson process at 8 per second
    And the first 5 seconds are warm-up
    When the load runs for 2 minutes
    Then these objectives are met:
      | p95 TTFT   | at most 1 s |
      | error rate | at most 1%  |
