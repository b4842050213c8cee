Feature: Prompts of an exact length are asked over responses
  That interface takes no token ids, so that prompts are words, of which the model has each as one token.

  Scenario: Prompts of a length
    Given the model "llama-3.1-8b" is being served
    And prompts of 256 tokens are answered in 64 tokens
    And it is asked over "responses"
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 30 seconds
    Then these objectives are met:
      | mean input tokens  | between 250 and 262 |
      | mean output tokens | exactly 64          |
      | error rate         | none                |
    And client and server agree on:
      | requests      | exactly |
      | prompt tokens | exactly |
      | output tokens | exactly |
