// Package phrases is what people write who do not know the vocabulary, and what they probably mean.
package phrases

// All are what people write who know other tools, or none, with the sentence that they probably mean; … is a
// number or a name. They are not read: the error names the sentence.
func All() map[string]string {
	const poisson, users = "requests arrive as a Poisson process at … per second", "… users ask with a think time of 1 second"
	return map[string]string{
		"I send … per second": poisson, "… per second are sent": poisson, "we send … per second": poisson, "a request rate of … per second": poisson, "the request rate is … per second": poisson, "a load of … per second": poisson,
		"requests arrive at … per second": poisson, "requests are sent at … per second": poisson, "traffic of … per second": poisson,
		"there are … concurrent users": users, "the concurrency is …": users, "a concurrency of …": users, "… concurrent requests": users, "… virtual users": users, "… users": users,
		"I run the load for …": "the load runs for …", "the test runs for …": "the load runs for …", "the duration is …": "the load runs for …", "it runs for …": "the load runs for …", "I run it for …": "the load runs for …",
		"the load is sent for …": "the load runs for …", "… are sent": "the load runs for …",
		`the model is …`: `the model … is being served`, `I use the model …`: `the model … is being served`, `a server with the model …`: `the model … is being served`, `a server of …`: `the model … is being served`,
		`the dataset is …`: `conversations are drawn from …`, `prompts from …`: `conversations are drawn from …`, `prompts are drawn from …`: `conversations are drawn from …`, `the dataset …`: `conversations are drawn from …`,
		"prompts of … tokens": "prompts of … tokens are answered in 128 tokens", "prompts have … tokens": "prompts of … tokens are answered in 128 tokens",
		"input tokens … and output tokens …": "prompts of … tokens are answered in … tokens", "prompts of … tokens and answers of … tokens": "prompts of … tokens are answered in … tokens",
		"the warm-up is …": "the first … are warm-up", "a warm-up of …": "the first … are warm-up", "the warmup is …": "the first … are warm-up",
		"the max tokens are …": "answers are at most … tokens long", "max tokens …": "answers are at most … tokens long", "answers have at most … tokens": "answers are at most … tokens long",
		"it is repeated … times": "everything is repeated … times", "the run is repeated … times": "everything is repeated … times",
		"the timeout is …": "an answer may take at most …", "a timeout of …": "an answer may take at most …",
	}
}
