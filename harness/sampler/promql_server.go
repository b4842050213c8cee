package sampler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/internal/limit"
	"github.com/vllmspec/vllmspec/internal/redact"
)

// A PrometheusServer is a server of Prometheus, or another one that answers its HTTP API as Thanos and Mimir do.
type PrometheusServer struct {
	URL   string // before /api/v1
	Token string // bearer token; "": none
	HTTP  *http.Client
}

// A promSample is one sample of a series.
type promSample struct {
	labels map[string]string // "__name__" among them, where it has one
	at     float64           // when it was asked for, by the server's clock, in s
	value  float64
}

// A lastingError is one that stays, however often the same is asked.
type lastingError struct{ error }

func (e *lastingError) Unwrap() error { return e.error }

// where is the address, without credentials.
func (s PrometheusServer) where() string { return redact.URL(s.URL) }

// query asks for an instant vector, at an instant of the server's clock in seconds; 0 is now.
func (s PrometheusServer) query(ctx context.Context, promql string, at float64) ([]promSample, error) {
	values := url.Values{"query": {promql}}
	if at > 0 {
		values.Set("time", strconv.FormatFloat(at, 'f', 3, 64))
	}
	base, err := url.Parse(s.URL)
	if err != nil {
		return nil, &lastingError{errors.New("this is no URL")}
	}
	base = base.JoinPath("api", "v1", "query")
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base.String(), strings.NewReader(values.Encode()))
	if err != nil {
		return nil, &lastingError{errors.New("this is no URL")}
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if s.Token != "" {
		request.Header.Set("Authorization", "Bearer "+s.Token)
	}
	response, err := s.HTTP.Do(request)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // its text holds the URL as it was given, user and all
		}
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, limit.Query+1))
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden:
		return nil, &lastingError{fmt.Errorf("%d: access is refused; set VLLM_PROMETHEUS_TOKEN", response.StatusCode)}
	case len(text) > limit.Query:
		return nil, &lastingError{fmt.Errorf("the answer has more than %d MiB; narrow VLLM_PROMETHEUS_SELECTOR", limit.Query>>20)}
	}
	return parseVector(response.StatusCode, text)
}

// parseVector reads an answer of the HTTP API that holds an instant vector.
func parseVector(status int, text []byte) ([]promSample, error) {
	var answer struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Data   struct {
			Type   string `json:"resultType"`
			Result []struct {
				Metric map[string]string  `json:"metric"`
				Value  [2]json.RawMessage `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	err := json.Unmarshal(text, &answer)
	switch {
	case err == nil && answer.Status == "error":
		return nil, ofStatus(status, fmt.Errorf("it refuses the query: %s", answer.Error))
	case err != nil && status == http.StatusOK, err == nil && answer.Data.Type != "vector" && status == http.StatusOK:
		return nil, &lastingError{errors.New("what came is no answer of Prometheus's HTTP API")}
	case status != http.StatusOK:
		return nil, ofStatus(status, fmt.Errorf("status %d", status))
	}
	samples := make([]promSample, 0, len(answer.Data.Result))
	for _, r := range answer.Data.Result {
		var said string
		at, errAt := strconv.ParseFloat(string(r.Value[0]), 64)
		value, errValue := 0.0, json.Unmarshal(r.Value[1], &said)
		if errValue == nil {
			value, errValue = strconv.ParseFloat(said, 64)
		}
		if errAt != nil || errValue != nil || r.Metric == nil {
			return nil, errors.New("a sample in the answer of Prometheus's HTTP API has no value that can be read")
		}
		samples = append(samples, promSample{labels: r.Metric, at: at, value: value})
	}
	return samples, nil
}

// ofStatus is an error that stays where the status says that the request is at fault, not the server's state.
func ofStatus(status int, err error) error {
	if status/100 == 4 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests {
		return &lastingError{err}
	}
	return err
}
