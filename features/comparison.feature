@simulated
Feature: A release is no slower than the one before
  The unit is the run: six are held against six others.

  Scenario: Chat is as fast as it was
    The baseline was made when all was well, and is kept in features/baselines.
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And prompts of 512 ± 64 tokens are answered in 64 ± 16 tokens
    And requests arrive as a Poisson process at 8 per second
    And everything is repeated 6 times
    When the load runs for 20 seconds
    Then compared with the baseline "llama-3.1-8b-on-one-h100":
      | p50 TPOT          | at most 5% worse  |
      | p99 TTFT          | at most 10% worse |
      | output throughput | at most 5% worse  |

  Scenario: One GPU and another, in turns
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And a second simulated server of "llama-3.1-8b" on "one A100"
    And prompts of 512 ± 64 tokens are answered in 64 ± 16 tokens
    And requests arrive as a Poisson process at 4 per second
    And everything is repeated 6 times
    When the load runs for 10 seconds
    Then compared with the other server:
      | p50 TPOT          | at least 30% better |
      | p50 TTFT          | at least 30% better |
      | output throughput | at most 5% worse    |
