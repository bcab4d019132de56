package features_test
import ("testing";"context";"os";"time";"fmt"
"github.com/relayspec/relayspec/features"
"github.com/relayspec/relayspec/reports"
"github.com/relayspec/relayspec/features/target/embedded")
func TestTryRun(t *testing.T){ s,err:=features.Load(); if err!=nil {t.Fatal(err)}
 sel,err:=features.ParseSelection(os.Getenv("SEL")); if err!=nil {t.Fatal(err)}
 t0:=time.Now()
 r,err:=features.Run(context.Background(), features.Options{Suite:s, Open: embedded.Open, Select: sel, Workers: 2, KeepTranscripts: os.Getenv("KEEP")!=""})
 if err!=nil {t.Error(err)}
 for _,c:=range r.Cases { if c.Verdict!=reports.Pass || os.Getenv("KEEP")!="" { fmt.Printf("%s %s:%d %s\n   %s\n   want %s\n   got %s\n   reason %s\n", c.Verdict,c.Feature,c.Line,c.ID,c.Step,c.Want,c.Got,c.Reason)
  tr:=c.Transcript; if len(tr)>30 {tr=tr[len(tr)-30:]}
  if os.Getenv("TR")!="" { for _,e:=range tr { fmt.Println("      ",e.String()) } } }
  if c.Duration>time.Second {fmt.Println(c.Duration, c.ID)} }
 fmt.Println(len(r.Cases), r.Overall, r.Totals.Verdicts, time.Since(t0))
}
