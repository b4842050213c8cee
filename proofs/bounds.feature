@simulated
Feature: A server that is too small says so in the server's own figures

  Scenario: Eight places and twice as many questions
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And it can hold 8 sequences and 4,000 cache blocks
    And prompts of 256 tokens are answered in 128 tokens
    And requests arrive as a Poisson process at 16 per second
    When the load runs for 1 minute
    Then these objectives are met:
      | max running requests | exactly 8    |
      | max waiting requests | at least 20  |
    And the objective "p50 TTFT at most 500 ms" is missed
