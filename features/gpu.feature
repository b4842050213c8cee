@gpu @live
Feature: The GPUs do the work, stay cool, and a token costs little energy
  This runs where a real server's GPUs can be read: by NVIDIA's driver on the same
  machine, or from their exporter (DCGM_METRICS_URL). Anywhere else it is left out.

  Background:
    Given the model "llama-3.1-8b" is being served
    And prompts of 256 ± 64 tokens are answered in 128 ± 32 tokens
    And a request is good when:
      | TTFT | at most 5 s |

  Scenario: A minute of work
    Given requests arrive as a Poisson process at 4 per second
    And the first 10 seconds are warm-up
    When the load runs for 1 minute
    Then these objectives are met:
      | mean GPU utilisation            | at least 5%      |
      | max GPU memory                  | at least 500 MB  |
      | mean GPU power                  | at least 20 W    |
      | max GPU temperature             | at most 95 °C    |
      | mean GPU clock                  | at least 500 MHz |
      | mean GPU throttling             | at most 1%       |
      | total uncorrected memory errors | none             |
      | energy per output token         | at most 20 J     |
      | energy per good request         | at most 2.5 kJ   |
