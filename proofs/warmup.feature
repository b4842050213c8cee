@simulated
Feature: Warm-up is recorded and not judged

  Scenario: A freeze during warm-up does not count
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And it freezes for 10 seconds after 5 seconds
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    And the first 30 seconds are warm-up
    When the load runs for 2 minutes
    Then these objectives are met:
      | p99 TTFT | at most 500 ms |

  Scenario: Without warm-up the same freeze counts
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And it freezes for 10 seconds after 5 seconds
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 2 minutes
    Then the objective "p99 TTFT at most 500 ms" is missed
