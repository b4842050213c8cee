@simulated
Feature: A release is no slower than the one before
  Six runs are held against six that were made when all was well, and are kept in
  features/baselines.

  Scenario: Chat is as fast as it was
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And prompts of 512 ± 64 tokens are answered in 64 ± 16 tokens
    And requests arrive as a Poisson process at 8 per second
    And everything is repeated 6 times
    When the load runs for 20 seconds
    Then compared with the baseline "llama-3.1-8b-on-one-h100":
      | p50 TPOT          | at most 5% worse  |
      | p99 TTFT          | at most 10% worse |
      | output throughput | at most 5% worse  |
