package mutants
import ("testing";"context";"os";"time";"fmt";"strings";"io"
"github.com/relayspec/relayspec/features"
"github.com/relayspec/relayspec/features/target"
"github.com/relayspec/relayspec/reports"
"github.com/relayspec/relayspec/features/target/embedded")
func one(t *testing.T, name string, o embedded.Options, sel features.Selection, show bool) *reports.Run {
 s,err:=features.Load(); if err!=nil {t.Fatal(err)}
 t0:=time.Now()
 r,err:=features.Run(context.Background(), features.Options{Suite:s, Open: func(ctx context.Context)(target.Target,io.Closer,error){return embedded.OpenWith(ctx,o)}, Select: sel, Workers: 2})
 if err!=nil {t.Error(err)}
 for _,c:=range r.Cases { if show && (c.Verdict==reports.Fail || c.Verdict==reports.Error || c.Verdict==reports.NonStrict|| c.Verdict==reports.Noted) { fmt.Printf("%s %s:%d %s [%s]\n   %s\n   want %s\n   got %s\n   reason %s\n", c.Verdict,c.Feature,c.Line,c.ID,c.Source,c.Step,c.Want,c.Got,c.Reason)
  tr:=c.Transcript; if len(tr)>30 {tr=tr[len(tr)-30:]}
  if os.Getenv("TR")!="" { for _,e:=range tr { fmt.Println("      ",e.String()) } } } }
 fmt.Println("==",name,len(r.Cases), r.Overall, r.Totals.Verdicts, time.Since(t0))
 return r
}
func TestTryVariants(t *testing.T){ for _,v:=range Variants() { if strings.Contains(v.Name, os.Getenv("V")) { one(t,v.Name,v.Relay,nil,true) } } }
func TestTryMutants(t *testing.T){ for _,m:=range Mutants() { if !strings.Contains(m.Name, os.Getenv("V")) {continue}
 var rules []string; for _,b:=range m.Breaks {rules=append(rules,b)}
 sel,_:=features.ParseSelection("not @volume or "+m.Breaks[0])
 r:=one(t,m.Name,m.Relay,sel,os.Getenv("V")!="")
 killed:=false; other:=[]string{}; errs:=[]string{}
 for _,c:=range r.Cases { if c.Verdict==reports.Error {errs=append(errs,(c.ID+": "+c.Reason)[:min(200,len(c.ID+": "+c.Reason))])}
  if c.Verdict==reports.Fail||c.Verdict==reports.NonStrict||c.Verdict==reports.Noted { for _,ru:=range c.Rules { if ru==m.Breaks[0] && c.Verdict==reports.Fail {killed=true} }; in:=false; for _,ru:=range c.Rules { for _,b:=range rules { if ru==b {in=true} } }; if !in {other=append(other,c.ID)} } }
 fmt.Println("   killed:",killed, rules); for _,o:=range other {fmt.Println("     outside:",o)}; for _,o:=range errs {fmt.Println("     error:",o)}
 } }
