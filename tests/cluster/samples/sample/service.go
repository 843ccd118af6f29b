package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"
)

// service answers the requests.
type service struct {
	version   string
	behaviour *behaviour
	readyAt   time.Time

	well, failed, inFlight atomic.Int64
}

func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if s.behaviour.neverReady.Load() || time.Now().Before(s.readyAt) {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if s.behaviour.unhealthy.Load() {
			http.Error(w, "unwell", http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, "well")
	})
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("GET /env/{name}", func(w http.ResponseWriter, r *http.Request) {
		value, there := os.LookupEnv(r.PathValue("name"))
		if !there {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(value))
	})
	mux.HandleFunc("GET /file/{path...}", func(w http.ResponseWriter, r *http.Request) {
		content, err := os.ReadFile("/" + r.PathValue("path"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		_, _ = w.Write(content)
	})
	mux.HandleFunc("GET /fetch", fetch)
	mux.HandleFunc("POST /set", s.set)
	mux.HandleFunc("POST /crash", func(_ http.ResponseWriter, r *http.Request) {
		code, err := strconv.Atoi(r.FormValue("code"))
		if err != nil {
			code = 1
		}
		crash("told to crash", code)
	})
	return mux
}

func (s *service) page(w http.ResponseWriter, _ *http.Request) {
	s.inFlight.Add(1)
	defer s.inFlight.Add(-1)
	s.behaviour.toil()
	w.Header().Set("Sample-Version", s.version)
	if s.behaviour.fails() {
		s.failed.Add(1)
		http.Error(w, "sample "+s.version+": an error, as chosen", http.StatusInternalServerError)
		return
	}
	s.well.Add(1)
	name, _ := os.Hostname()
	fmt.Fprintf(w, "sample %s %s\n", s.version, name)
}

// fetch hands on what another address answers, as this pod sees it.
func fetch(w http.ResponseWriter, r *http.Request) {
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get(r.FormValue("url"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}

func (s *service) set(w http.ResponseWriter, r *http.Request) {
	settings := s.behaviour.settings()
	for name, values := range r.URL.Query() {
		set, known := settings[name]
		if !known {
			http.Error(w, "nothing is named "+name, http.StatusBadRequest)
			return
		}
		if err := set(values[0]); err != nil {
			http.Error(w, name+": "+err.Error(), http.StatusBadRequest)
			return
		}
	}
	fmt.Fprintln(w, "set")
}

func (s *service) metrics(w http.ResponseWriter, _ *http.Request) {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	fmt.Fprintf(w, `# HELP sample_info What serves.
# TYPE sample_info gauge
sample_info{version=%q} 1
# HELP sample_requests_total Requests to the page, by status.
# TYPE sample_requests_total counter
sample_requests_total{code="200"} %d
sample_requests_total{code="500"} %d
# HELP sample_requests_in_flight Requests to the page that are being answered.
# TYPE sample_requests_in_flight gauge
sample_requests_in_flight %d
# HELP sample_memory_bytes Memory that the program took from the system.
# TYPE sample_memory_bytes gauge
sample_memory_bytes %d
`, s.version, s.well.Load(), s.failed.Load(), s.inFlight.Load(), memory.Sys)
}
