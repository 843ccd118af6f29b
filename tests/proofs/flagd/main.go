// Reads requests, one JSON object a line, and writes what flagd's own evaluator answers.
//
//	{"flags": {…}}                                      load these, as of a file
//	{"flag": "a", "wanted": "boolean", "context": {…}}  answer {"value", "variant", "reason", "code"}
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"log"
	"os"

	"github.com/open-feature/flagd/core/pkg/evaluator"
	"github.com/open-feature/flagd/core/pkg/logger"
	"github.com/open-feature/flagd/core/pkg/store"
	"github.com/open-feature/flagd/core/pkg/sync"
	"go.uber.org/zap"
)

type request struct {
	Flags   json.RawMessage `json:"flags"`
	Flag    string          `json:"flag"`
	Wanted  string          `json:"wanted"`
	Context map[string]any  `json:"context"`
}

type answer struct {
	Value   any    `json:"value"`
	Variant string `json:"variant"`
	Reason  string `json:"reason"`
	Code    string `json:"code"`
}

func main() {
	quiet := logger.NewLogger(zap.NewNop(), false)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	out := json.NewEncoder(os.Stdout)
	var flagd *evaluator.JSON
	for lines.Scan() {
		var one request
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			log.Fatal(err)
		}
		if one.Flags != nil {
			kept, err := store.NewStore(quiet, []string{"file"})
			if err != nil {
				log.Fatal(err)
			}
			flagd = evaluator.NewJSON(quiet, kept)
			said := ""
			if err := flagd.SetState(sync.DataSync{FlagData: string(lines.Bytes()), Source: "file"}); err != nil {
				said = err.Error()
			}
			out.Encode(answer{Code: said})
			continue
		}
		out.Encode(asked(flagd, one))
	}
}

func asked(flagd *evaluator.JSON, one request) answer {
	var got answer
	var err error
	ctx := context.Background()
	switch one.Wanted {
	case "boolean":
		got.Value, got.Variant, got.Reason, _, err = flagd.ResolveBooleanValue(ctx, "", one.Flag, one.Context)
	case "string":
		got.Value, got.Variant, got.Reason, _, err = flagd.ResolveStringValue(ctx, "", one.Flag, one.Context)
	case "integer":
		got.Value, got.Variant, got.Reason, _, err = flagd.ResolveIntValue(ctx, "", one.Flag, one.Context)
	case "float":
		got.Value, got.Variant, got.Reason, _, err = flagd.ResolveFloatValue(ctx, "", one.Flag, one.Context)
	default:
		got.Value, got.Variant, got.Reason, _, err = flagd.ResolveObjectValue(ctx, "", one.Flag, one.Context)
	}
	if err != nil {
		got.Value, got.Code = nil, err.Error()
	}
	return got
}
