Feature: Chat
  The open loop chat of one-h100.csv and one-h200.csv: 240 questions of ShareGPT, drawn again and again, which the prefix cache soon holds.

  Scenario: chat
    Given the model "llama-3.1-8b" is being served
    And conversations are drawn from "sharegpt"
    And answers are at most 256 tokens long
    And every answer runs to its full length
    And requests arrive as a Poisson process at 20 per second
    When the load runs for 25 seconds
    Then these objectives are met:
      | error rate | none |
