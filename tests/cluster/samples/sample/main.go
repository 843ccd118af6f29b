// Command sample is a small web service whose behaviour the tests choose.
//
// Each flag can also be given by the environment: -crash-after is CRASH_AFTER. A flag wins over the environment.
// What may change while it runs can be changed by POST /set?error-rate=0.2.
//
//	GET /            200 "sample VERSION POD", or 500 at the error rate, after the latency
//	GET /readyz      200 once it is ready
//	GET /healthz     200 while it is well
//	GET /metrics     what Prometheus reads
//	GET /env/NAME    the value of a variable of the environment, byte for byte
//	GET /file/PATH   the bytes of a file, such as a mounted ConfigMap
//	GET /fetch?url=U what another address answers, as this pod sees it
//	POST /set?NAME=VALUE&…   changes a behaviour: error-rate, latency, work, never-ready, unhealthy, memory-per-second
//	POST /crash?code=N       ends at once
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetOutput(os.Stdout)
	port := flag.Int("port", 8080, "port that it listens on")
	version := flag.String("version", "v1", "version that its page and its metrics tell")
	startAfter := flag.Duration("start-after", 0, "slow start: how long nothing listens")
	readyAfter := flag.Duration("ready-after", 0, "how long it answers but is not ready")
	unhealthyAfter := flag.Duration("unhealthy-after", -1, "when /healthz begins to fail; negative: never")
	crashAfter := flag.Duration("crash-after", -1, "when it ends with the exit code; 0: before it listens; negative: never")
	exitCode := flag.Int("exit-code", 1, "status that a crash ends with")
	message := flag.String("message", "", "last line in the log before a crash")
	term := flag.String("term", "drain", "what SIGTERM does: drain, exit (at once, status 143) or ignore")
	drain := flag.Duration("drain", 0, "how long it goes on answering after SIGTERM, no longer ready")
	state := &behaviour{}
	state.flags(flag.CommandLine)
	if err := fromEnvironment(flag.CommandLine); err != nil {
		log.Fatalf("sample: %v", err)
	}
	flag.Parse()

	log.Printf("sample %s: started", *version)
	if *crashAfter == 0 {
		crash(*message, *exitCode)
	}
	began := time.Now()
	server := &service{version: *version, behaviour: state, readyAt: began.Add(*startAfter + *readyAfter)}
	if *crashAfter > 0 {
		time.AfterFunc(*crashAfter, func() { crash(*message, *exitCode) })
	}
	if *unhealthyAfter >= 0 {
		time.AfterFunc(*unhealthyAfter, func() { state.unhealthy.Store(true) })
	}
	go state.grow()

	// Signals count from the start on, also while nothing listens yet.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	listener := &http.Server{Addr: fmt.Sprintf(":%d", *port), Handler: server.routes()}
	failed := make(chan error, 1)
	time.AfterFunc(*startAfter, func() {
		log.Printf("sample %s: listening on %d", *version, *port)
		failed <- listener.ListenAndServe()
	})
	for {
		select {
		case err := <-failed:
			log.Fatalf("sample: %v", err)
		case <-signals:
			switch *term {
			case "ignore":
				log.Print("sample: told to end, and going on")
				continue
			case "exit":
				os.Exit(143)
			}
			log.Printf("sample: draining for %s", *drain)
			state.neverReady.Store(true)
			time.Sleep(*drain)
			soon, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			_ = listener.Shutdown(soon)
			log.Print("sample: ended")
			return
		}
	}
}

// crash ends the process with its last words.
func crash(message string, code int) {
	if message != "" {
		log.Print(message)
	}
	os.Exit(code)
}

// fromEnvironment sets each flag whose variable is there: -crash-after by CRASH_AFTER.
func fromEnvironment(flags *flag.FlagSet) error {
	var first error
	flags.VisitAll(func(one *flag.Flag) {
		name := strings.ToUpper(strings.ReplaceAll(one.Name, "-", "_"))
		if value, there := os.LookupEnv(name); there && first == nil {
			if err := flags.Set(one.Name, value); err != nil {
				first = fmt.Errorf("%s=%q: %w", name, value, err)
			}
		}
	})
	return first
}
