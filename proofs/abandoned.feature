@simulated
Feature: A run that cannot be saved is given up early

  Background:
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    And the run is abandoned unless:
      | error rate | at most 10% |

  Scenario: Every second request fails
    Given it answers 50% of requests with status 503
    When the load runs for 10 minutes
    Then the run is abandoned
    And the objective "requests at least 1,000" is unknown

  Scenario: A few fail at the beginning
    Given it answers the first 2 requests with status 503
    When the load runs for 1 minute
    Then these objectives are met:
      | error rate | at most 2% |

  Scenario: More come than can be served
    Given it can hold 2 sequences and 4,000 cache blocks
    And the run is abandoned unless:
      | max backlog | at most 50 |
    When the load runs for 10 minutes
    Then the run is abandoned
