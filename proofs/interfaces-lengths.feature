Feature: Prompts of an exact length are asked over other interfaces
  Responses take no token ids, so that prompts are words there, of which the model has each as one token. Over
  generate a request is token ids, and so is its answer.

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

  Scenario: Tokens in, tokens out
    Given the model "llama-3.1-8b" is being served
    And prompts of 256 tokens are answered in 64 tokens
    And it is asked over "generate"
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 30 seconds
    Then these objectives are met:
      | p50 ITL           | at most 20 ms |
      | min input tokens  | exactly 256   |
      | max output tokens | exactly 64    |
      | error rate        | none          |
    And client and server agree on:
      | requests                | exactly |
      | prompt tokens           | exactly |
      | output tokens           | exactly |
      | answers ended by length | exactly |
