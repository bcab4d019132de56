package mailbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/reference/policy"
)

var (
	noon = time.Date(2026, 7, 27, 12, 0, 0, 5e6, time.UTC)
	anna = policy.Address{Local: "anna", Domain: "acme.example"}
	ben  = policy.Address{Local: `b@"en`, Domain: "[IPv6:::1]"}
	full = Envelope{
		Received: noon, Session: "s1", Customer: "acme", Peer: netip.MustParseAddr("::1"), Helo: "mail.acme.example", User: "anna@acme.example",
		Given: policy.Address{Local: "x", Domain: "elsewhere.example"}, Sender: anna, Recipients: []policy.Address{ben, {Local: "Postmaster"}},
		UTF8: true, DSN: policy.DSN{Return: "FULL", Notices: []policy.Notice{{Notify: "NEVER"}}},
		Rules: []policy.RuleID{"SND-POSTMASTER-REWRITE"},
	}
	ctx = context.Background()
)

// put keeps a message.
func put(b *Box, e Envelope, content string) string {
	GinkgoHelper()
	d, err := b.Create(e)
	Expect(err).NotTo(HaveOccurred())
	_, err = io.WriteString(d, content)
	Expect(err).NotTo(HaveOccurred())
	id, err := d.Commit()
	Expect(err).NotTo(HaveOccurred())
	return id
}

// same fails with a diff that a person can read.
func same(got, want Message) {
	GinkgoHelper()
	Expect(cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}))).To(BeEmpty(), "(-want +got)")
}

var _ = DescribeTableSubtree("a box that keeps messages", func(open func() *Box) {
	var b *Box
	BeforeEach(func() { b = open() })

	It("gives back what was put in, envelope and content", func() {
		id := put(b, full, "Subject: x\r\n\r\n.\r\nbody\x00\xFF\r\n")
		m, r, err := b.Get(id)
		Expect(err).NotTo(HaveOccurred())
		same(m, Message{ID: id, Size: 25, Envelope: full})
		Expect(io.ReadAll(r)).To(BeEquivalentTo("Subject: x\r\n\r\n.\r\nbody\x00\xFF\r\n"))
		Expect(r.Close()).To(Succeed())
	})

	It("keeps the null sender apart from a missing one", func() {
		e := full
		e.Given, e.Sender = policy.Address{}, policy.Address{}
		m, r, err := b.Get(put(b, e, ""))
		Expect(err).NotTo(HaveOccurred())
		defer r.Close()
		Expect(m.Given.Null()).To(BeTrue())
		Expect(m.Size).To(BeZero())
	})

	It("shows nothing of a message before Commit or after Discard", func() {
		d, err := b.Create(full)
		Expect(err).NotTo(HaveOccurred())
		_, err = d.Write([]byte("half"))
		Expect(err).NotTo(HaveOccurred())
		Expect(b.List(ctx, Filter{})).To(BeEmpty())
		Expect(d.Discard()).To(Succeed())
		Expect(b.List(ctx, Filter{})).To(BeEmpty())
		_, err = d.Commit()
		Expect(err).To(HaveOccurred())
		_, err = d.Write([]byte("more"))
		Expect(err).To(HaveOccurred())
	})

	It("lets Discard be deferred: after Commit it does nothing", func() {
		d, err := b.Create(full)
		Expect(err).NotTo(HaveOccurred())
		id, err := d.Commit()
		Expect(err).NotTo(HaveOccurred())
		Expect(d.Discard()).To(Succeed())
		_, r, err := b.Get(id)
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Close()).To(Succeed())
	})

	It("lists newest first, bounded, and by what the filter says", func() {
		other := full
		other.Received, other.Customer, other.Recipients, other.Sender = noon.Add(-time.Hour), "other", []policy.Address{anna}, other.Given
		put(b, other, "x")
		var ids []string
		for i := range 5 {
			e := full
			e.Received = noon.Add(time.Duration(i) * time.Hour)
			e.Session = fmt.Sprint("s", i)
			ids = append(ids, put(b, e, "x"))
		}

		list := func(f Filter) (got []string) {
			GinkgoHelper()
			messages, err := b.List(ctx, f)
			Expect(err).NotTo(HaveOccurred())
			for _, m := range messages {
				got = append(got, m.ID)
			}
			return got
		}
		Expect(list(Filter{})).To(HaveLen(6))
		Expect(list(Filter{Limit: 2})).To(Equal([]string{ids[4], ids[3]}))
		Expect(list(Filter{Session: "s3"})).To(Equal([]string{ids[3]}))
		Expect(list(Filter{Customer: "other"})).To(HaveLen(1))
		Expect(list(Filter{Since: noon.Add(4 * time.Hour)})).To(Equal([]string{ids[4]}))
		Expect(list(Filter{Sender: anna, Limit: 1})).To(Equal([]string{ids[4]}))
		Expect(list(Filter{Sender: full.Given})).To(HaveLen(6))
		Expect(list(Filter{Recipient: policy.Address{Local: "ANNA", Domain: "acme.example"}})).To(HaveLen(1))
		Expect(list(Filter{Customer: "nobody"})).To(BeEmpty())
	})

	It("finds a message by the beginning of its id, when only one begins so", func() {
		first := put(b, full, "1")
		second := put(b, full, "2")
		e := full
		e.Received = noon.Add(time.Hour)
		later := put(b, e, "3")

		m, r, err := b.Get(later[:13])
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Close()).To(Succeed())
		Expect(m.ID).To(Equal(later))
		_, _, err = b.Get(first[:13])
		Expect(err).To(MatchError(ErrAmbiguous))
		Expect(err.Error()).To(ContainSubstring(second))
	})

	It("finds nothing outside itself", func() {
		put(b, full, "x")
		for _, id := range []string{"", "nothing", "../new/2026", "/", "2026*", "\x00"} {
			_, _, err := b.Get(id)
			Expect(err).To(MatchError(ErrNotFound), "%q", id)
		}
	})

	It("takes many messages at once, each with an id of its own", func() {
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				defer GinkgoRecover()
				put(b, full, "x")
			})
		}
		all.Wait()
		messages, err := b.List(ctx, Filter{})
		Expect(err).NotTo(HaveOccurred())
		Expect(messages).To(HaveLen(20))
	})

	It("takes the time from Now when the envelope has none", func() {
		b.Now = func() time.Time { return noon }
		id := put(b, Envelope{}, "x")
		Expect(id).To(HavePrefix("20260727T120000005-"))
	})

	It("stops listing when the caller has gone", func() {
		put(b, full, "x")
		stopped, cancel := context.WithCancel(ctx)
		cancel()
		_, err := b.List(stopped, Filter{})
		Expect(err).To(MatchError(context.Canceled))
	})
},
	Entry("on disk", func() *Box {
		GinkgoHelper()
		b, err := Open(GinkgoT().TempDir())
		Expect(err).NotTo(HaveOccurred())
		return b
	}),
	Entry("on disk, synced", func() *Box {
		GinkgoHelper()
		b, err := Open(GinkgoT().TempDir())
		Expect(err).NotTo(HaveOccurred())
		b.Sync = true
		return b
	}),
	Entry("in memory", func() *Box { return Memory(0) }),
)

var _ = Describe("a box on disk", func() {
	var dir string
	var b *Box
	BeforeEach(func() {
		dir = GinkgoT().TempDir()
		var err error
		b, err = Open(dir)
		Expect(err).NotTo(HaveOccurred())
	})

	It("shows the same messages to whoever opens the directory again", func() {
		id := put(b, full, "x")
		again, err := Open(dir)
		Expect(err).NotTo(HaveOccurred())
		m, r, err := again.Get(id)
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Close()).To(Succeed())
		same(m, Message{ID: id, Size: 1, Envelope: full})
	})

	It("doesn't look through the directory for a whole id", func() {
		counting := &counted{store: b.store}
		b.store = counting
		id := put(b, full, "x")
		m, r, err := b.Get(id)
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Close()).To(Succeed())
		Expect(m.ID).To(Equal(id))
		_, _, err = b.Get(id[:len(id)-1] + "!")
		Expect(err).To(MatchError(ErrNotFound))
		Expect(counting.lists).To(Equal(1), "that was no id")
		Expect(os.Remove(filepath.Join(dir, "new", id+".eml"))).To(Succeed())
		_, _, err = b.Get(id)
		Expect(err).To(MatchError(ErrNotFound))
		Expect(err).To(MatchError(ContainSubstring("list the messages to see their ids")))
		Expect(counting.lists).To(Equal(1))
	})

	It("leaves nothing in tmp, and files that only the owner reads", func() {
		id := put(b, full, "x")
		d, err := b.Create(full)
		Expect(err).NotTo(HaveOccurred())
		Expect(d.Discard()).To(Succeed())
		Expect(os.ReadDir(filepath.Join(dir, "tmp"))).To(BeEmpty())
		info, err := os.Stat(filepath.Join(dir, "new", id+".eml"))
		Expect(err).NotTo(HaveOccurred())
		Expect(info.Mode().Perm()).To(Equal(os.FileMode(0o600)))
	})

	It("keeps the envelope as JSON with the names of SMTP", func() {
		id := put(b, full, "x")
		data, err := os.ReadFile(filepath.Join(dir, "new", id+".json"))
		Expect(err).NotTo(HaveOccurred())
		var got map[string]any
		Expect(json.Unmarshal(data, &got)).To(Succeed())
		Expect(got).To(HaveKeyWithValue("sender", "anna@acme.example"))
		Expect(got).To(HaveKeyWithValue("recipients", []any{`b@"en@[IPv6:::1]`, "Postmaster"}))
	})

	It("keeps neither half when the second file can't be moved into place", func() {
		d, err := b.Create(full)
		Expect(err).NotTo(HaveOccurred())
		Expect(os.Mkdir(filepath.Join(dir, "new", d.ID()+".eml"), 0o700)).To(Succeed())
		_, err = d.Commit()
		Expect(err).To(MatchError(ContainSubstring("was not accepted (451 to the client)")))
		Expect(filepath.Join(dir, "new", d.ID()+".json")).NotTo(BeAnExistingFile())
		Expect(os.ReadDir(filepath.Join(dir, "tmp"))).To(BeEmpty())
	})

	It("shows no content whose envelope can't be moved into place", func() {
		d, err := b.Create(full)
		Expect(err).NotTo(HaveOccurred())
		Expect(os.Mkdir(filepath.Join(dir, "new", d.ID()+".json"), 0o700)).To(Succeed())
		_, err = d.Commit()
		Expect(err).To(HaveOccurred())
		Expect(filepath.Join(dir, "new", d.ID()+".eml")).NotTo(BeAnExistingFile())
	})

	It("removes what a crash left, and not what another relay is writing", func() {
		old, young := filepath.Join(dir, "tmp", "old.eml"), filepath.Join(dir, "tmp", "young.eml")
		for _, f := range []string{old, young} {
			Expect(os.WriteFile(f, nil, 0o600)).To(Succeed())
		}
		past := time.Now().Add(-2 * leftoverAge)
		Expect(os.Chtimes(old, past, past)).To(Succeed())
		_, err := Open(dir)
		Expect(err).NotTo(HaveOccurred())
		Expect(old).NotTo(BeAnExistingFile())
		Expect(young).To(BeAnExistingFile())
	})

	It("doesn't show an envelope whose message never came", func() {
		Expect(os.WriteFile(filepath.Join(dir, "new", "20260101T000000000-000000.json"), []byte("{}"), 0o600)).To(Succeed())
		Expect(b.List(ctx, Filter{})).To(BeEmpty())
	})

	It("says what to do when it can't be opened", func() {
		file := filepath.Join(dir, "file")
		Expect(os.WriteFile(file, nil, 0o600)).To(Succeed())
		_, err := Open(file)
		Expect(err).To(MatchError(ContainSubstring("give one that can be written to")))
	})

	It("says which message couldn't be taken when its directory has gone", func() {
		Expect(os.RemoveAll(dir)).To(Succeed())
		_, err := b.Create(full)
		Expect(err).To(MatchError(ContainSubstring("451")))
		Expect(errors.Is(err, os.ErrNotExist)).To(BeTrue())
	})
})

// counted counts how often the whole of a store is looked through.
type counted struct {
	store
	lists int
}

func (s *counted) list(prefix string) ([]string, error) {
	s.lists++
	return s.store.list(prefix)
}

// fullDisk is a store whose disk fills up after some octets.
type fullDisk struct {
	nothing
	left      *int
	discarded *bool
}

func (s fullDisk) create(string, bool) (content, error) { return s, nil }

func (s fullDisk) Write(p []byte) (int, error) {
	n := min(len(p), *s.left)
	*s.left -= n
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (s fullDisk) discard() error { *s.discarded = true; return nil }

func (s fullDisk) commit(Message) error { Fail("committed half a message"); return nil }

var _ = Describe("a full disk", func() {
	It("makes Commit fail, even if the writer overlooked the error", func() {
		left, discarded := 5, false
		b := &Box{store: fullDisk{left: &left, discarded: &discarded}}
		d, err := b.Create(full)
		Expect(err).NotTo(HaveOccurred())
		_, err = io.Copy(d, strings.NewReader("more than five"))
		Expect(err).To(MatchError(syscall.ENOSPC))
		_, _ = d.Write([]byte("!"))
		_, err = d.Commit()
		Expect(err).To(MatchError(syscall.ENOSPC))
		Expect(err).To(MatchError(ContainSubstring("451")))
		Expect(discarded).To(BeTrue())
	})
})

var _ = Describe("a box in memory", func() {
	It("keeps the newest messages only", func() {
		b := Memory(2)
		first, second, third := put(b, full, "1"), put(b, full, "2"), put(b, full, "3")
		_, _, err := b.Get(first)
		Expect(err).To(MatchError(ErrNotFound))
		messages, err := b.List(ctx, Filter{})
		Expect(err).NotTo(HaveOccurred())
		Expect([]string{messages[0].ID, messages[1].ID}).To(Equal([]string{third, second}))
	})

	It("isn't changed through the slices of a caller", func() {
		b := Memory(1)
		e := full
		e.Recipients = []policy.Address{anna}
		id := put(b, e, "x")
		e.Recipients[0] = ben
		m, _, err := b.Get(id)
		Expect(err).NotTo(HaveOccurred())
		m.Recipients[0] = ben
		m, _, err = b.Get(id)
		Expect(err).NotTo(HaveOccurred())
		Expect(m.Recipients[0]).To(Equal(anna))
	})
})

var _ = Describe("a box that discards", func() {
	It("takes everything and keeps nothing", func() {
		b := Discard()
		id := put(b, full, "x")
		Expect(id).NotTo(BeEmpty())
		Expect(b.List(ctx, Filter{})).To(BeEmpty())
		_, _, err := b.Get(id)
		Expect(err).To(MatchError(ErrNotFound))
	})
})

var _ = Describe("ids", func() {
	It("rise, whatever the clock does", func() {
		var g ids
		last := ""
		for _, now := range []time.Time{noon, noon, noon.Add(-time.Hour), noon.Add(time.Millisecond), noon, noon.Add(time.Hour)} {
			id := g.next(now)
			Expect(id > last).To(BeTrue(), "%s after %s", id, last)
			last = id
		}
	})

	It("are told from beginnings, and from what would be a path", func() {
		var g ids
		for range 100 {
			Expect(isWhole(g.next(noon))).To(BeTrue())
		}
		for _, id := range []string{"", "20260727T120000005", "20260727T120000005-00000", "20260727T120000005-0000000",
			"20260727T120000005-00000/", "../../../etc/passwd000-000", "../../20260727T120-000000", "20260727T12000000\x00-000000"} {
			Expect(isWhole(id)).To(BeFalse(), "%q", id)
		}
	})

	It("rise when the letters of a millisecond are used up", func() {
		g := ids{last: noon, tail: tailLimit - 1}
		before := "20260727T120000005-" + tailText(g.tail)
		Expect(before).To(HaveSuffix("-zzzzzz"))
		Expect(g.next(noon) > before).To(BeTrue())
		Expect(g.last).To(Equal(noon.Add(time.Millisecond)))
	})
})
