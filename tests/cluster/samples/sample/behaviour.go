package main

import (
	"flag"
	"fmt"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// behaviour is what may change while the service runs. Its zero value is a service that does all well.
type behaviour struct {
	neverReady, unhealthy atomic.Bool
	errorRate             atomic.Uint64 // the bits of a float64
	latency, work         atomic.Int64  // nanoseconds
	memoryPerSecond       atomic.Int64  // bytes

	lock   sync.Mutex
	due    float64 // errors that the rate owes and that were not yet answered
	memory [][]byte
}

// settings are the names that a flag, the environment and POST /set share.
func (b *behaviour) settings() map[string]func(string) error {
	return map[string]func(string) error{
		"error-rate":        b.setErrorRate,
		"latency":           duration(&b.latency),
		"work":              duration(&b.work),
		"never-ready":       truth(&b.neverReady),
		"unhealthy":         truth(&b.unhealthy),
		"memory-per-second": b.setMemory,
	}
}

func (b *behaviour) flags(flags *flag.FlagSet) {
	usage := map[string]string{
		"error-rate":        "share of requests to / that are answered 500, evenly spread: 0 to 1",
		"latency":           "how long each answer of / waits",
		"work":              "processor time that each answer of / takes",
		"never-ready":       "true: /readyz answers 503",
		"unhealthy":         "true: /healthz answers 500",
		"memory-per-second": "bytes that it takes and keeps each second, in all of its pages",
	}
	for name, set := range b.settings() {
		flags.Func(name, usage[name], set)
	}
}

func (b *behaviour) setErrorRate(text string) error {
	rate, err := strconv.ParseFloat(text, 64)
	if err != nil || rate < 0 || rate > 1 {
		return fmt.Errorf("%q is not a share from 0 to 1", text)
	}
	b.errorRate.Store(math.Float64bits(rate))
	return nil
}

func (b *behaviour) setMemory(text string) error {
	bytes, err := strconv.ParseInt(text, 10, 64)
	if err != nil || bytes < 0 {
		return fmt.Errorf("%q is not a number of bytes", text)
	}
	b.memoryPerSecond.Store(bytes)
	return nil
}

// fails tells whether this request is one of those that go wrong. Evenly spread and without chance: at 0.25 each fourth.
func (b *behaviour) fails() bool {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.due += math.Float64frombits(b.errorRate.Load())
	if b.due < 1-1e-9 {
		return false
	}
	b.due--
	return true
}

// toil waits the latency, and keeps one processor busy for the work.
func (b *behaviour) toil() {
	time.Sleep(time.Duration(b.latency.Load()))
	for end := time.Now().Add(time.Duration(b.work.Load())); time.Now().Before(end); {
	}
}

// grow takes memory at the chosen pace, and never gives it back.
func (b *behaviour) grow() {
	for range time.Tick(100 * time.Millisecond) {
		if size := b.memoryPerSecond.Load() / 10; size > 0 {
			more := make([]byte, size)
			for i := 0; i < len(more); i += 4096 {
				more[i] = 1 // a page counts once it is written
			}
			b.lock.Lock()
			b.memory = append(b.memory, more)
			b.lock.Unlock()
		}
	}
}

func duration(into *atomic.Int64) func(string) error {
	return func(text string) error {
		value, err := time.ParseDuration(text)
		if err == nil {
			into.Store(int64(value))
		}
		return err
	}
}

func truth(into *atomic.Bool) func(string) error {
	return func(text string) error {
		value, err := strconv.ParseBool(text)
		if err == nil {
			into.Store(value)
		}
		return err
	}
}
