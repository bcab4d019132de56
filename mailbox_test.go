package main

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/policy"
)

// raw is a message with what a careless reader would spoil.
const raw = "Received: from x ([127.0.0.1])\r\nSubject: caf\xe9\r\n\r\n.dot\r\nlast line without end"

// keep puts a message into mail/ and gives its id.
func keep(customer, sender string, received time.Time, recipients ...string) string {
	GinkgoHelper()
	box, err := mailbox.Open("mail")
	Expect(err).NotTo(HaveOccurred())
	e := mailbox.Envelope{
		Received: received, Customer: customer, Peer: netip.MustParseAddr("127.0.0.1"),
		Given: mailAddress(sender), Sender: mailAddress(sender), Rules: []policy.RuleID{"SND-DOMAINS"},
	}
	for _, to := range recipients {
		e.Recipients = append(e.Recipients, mailAddress(to))
	}
	draft, err := box.Create(e)
	Expect(err).NotTo(HaveOccurred())
	_, err = draft.Write([]byte(raw))
	Expect(err).NotTo(HaveOccurred())
	id, err := draft.Commit()
	Expect(err).NotTo(HaveOccurred())
	return id
}

var _ = Describe("mailbox", func() {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	var first, second string
	BeforeEach(func() {
		GinkgoT().Chdir(GinkgoT().TempDir())
		first = keep("acme", "anna@acme.example", noon, "bob@example.net", "eve@example.net")
		second = keep("pico", "x@pico.example", noon.Add(time.Minute), "bob@example.net")
	})
	lines := func(got outcomeOf) []string {
		GinkgoHelper()
		Expect(got.code).To(Equal(0), got.err)
		return strings.Split(strings.TrimSuffix(got.out, "\n"), "\n")
	}

	It("lists the newest first, also without saying list", func() {
		for _, got := range []outcomeOf{relayspec("mailbox"), relayspec("mailbox", "list")} {
			listed := lines(got)
			Expect(listed).To(HaveLen(3))
			Expect(listed[0]).To(MatchRegexp(`^ID +RECEIVED +CUSTOMER +SENDER +RECIPIENTS +OCTETS$`))
			Expect(listed[1]).To(MatchRegexp(`^` + second + ` +2026-11-23T12:01:00Z +pico +<x@pico\.example> +<bob@example\.net> +\d+$`))
			Expect(listed[2]).To(MatchRegexp(`^` + first + ` .* <anna@acme\.example> +<bob@example\.net> and 1 more +\d+$`))
		}
	})

	DescribeTable("lists what is asked for",
		func(want int, args ...string) {
			Expect(lines(relayspec(append([]string{"mailbox", "list"}, args...)...))).To(HaveLen(1 + want))
		},
		Entry(nil, 1, "--customer", "acme"),
		Entry(nil, 0, "--customer", "nobody"),
		Entry(nil, 1, "--sender", "Anna@ACME.example"),
		Entry(nil, 2, "--to", "bob@example.net"),
		Entry(nil, 1, "--to", "eve@example.net"),
		Entry(nil, 0, "--to", "eve"),
		Entry(nil, 1, "--limit", "1"),
	)

	It("lists as JSON, an object a line", func() {
		listed := lines(relayspec("mailbox", "list", "--json"))
		Expect(listed).To(HaveLen(2))
		var m struct {
			ID, Customer, Sender string
			Recipients           []string
			Size                 int
		}
		Expect(json.Unmarshal([]byte(listed[1]), &m)).To(Succeed())
		Expect(m.ID).To(Equal(first))
		Expect(m.Sender).To(Equal("anna@acme.example"))
		Expect(m.Recipients).To(Equal([]string{"bob@example.net", "eve@example.net"}))
		Expect(m.Size).To(Equal(len(raw)))
	})

	It("shows a message with its envelope, and raw octet by octet", func() {
		got := relayspec("mailbox", "show", first)
		Expect(got.code).To(Equal(0), got.err)
		envelope, content, _ := strings.Cut(got.out, "\n}\n\n")
		Expect(content).To(Equal(raw))
		var m map[string]any
		Expect(json.Unmarshal([]byte(envelope+"\n}"), &m)).To(Succeed())
		Expect(m).To(And(HaveKeyWithValue("customer", "acme"), HaveKeyWithValue("given", "anna@acme.example")))
		Expect(relayspec("mailbox", "show", "--raw", first).out).To(Equal(raw))
	})

	It("takes the beginning of an id where it is unique", func() {
		common := 0
		for common < len(first) && first[common] == second[common] {
			common++
		}
		Expect(relayspec("mailbox", "show", "--raw", first[:common+1]).out).To(Equal(raw))
		got := relayspec("mailbox", "show", first[:common])
		Expect(got.code).To(Equal(2))
		Expect(got.err).To(And(ContainSubstring("several messages begin so"), ContainSubstring(first), ContainSubstring("See relayspec mailbox list")))
	})

	DescribeTable("ends a mistake with what to do next, and 2",
		func(wrong, next string, args ...string) {
			got := relayspec(append([]string{"mailbox"}, args...)...)
			Expect(got.code).To(Equal(2), got.out)
			Expect(got.out).To(BeEmpty())
			Expect(got.err).To(ContainSubstring(wrong))
			lines := strings.Split(strings.TrimSpace(got.err), "\n")
			Expect(lines[len(lines)-1]).To(ContainSubstring(next))
		},
		Entry("unknown id", `get message "nosuch": there is no such message`, "See relayspec mailbox list --mail mail", "show", "nosuch"),
		Entry("empty id", `there is no such message`, "See relayspec mailbox list", "show", ""),
		Entry("a way out of the mailbox", `there is no such message`, "See relayspec mailbox list", "show", "../../world"),
		Entry("no id", `expected "<id>"`, "See relayspec mailbox show --help", "show"),
		Entry("missing directory", "there is no mailbox absent", "Name the directory of relayspec serve --mail", "list", "--mail", "absent"),
		Entry("missing directory to show", "there is no mailbox absent", "Name the directory of relayspec serve --mail", "show", "--mail", "absent", "x"),
		Entry("a limit of 0", "--limit 0", "Give 1 to 10000", "list", "--limit", "0"),
		Entry("a negative limit", "--limit -1", "Give 1 to 10000", "list", "--limit=-1"),
		Entry("too many", "--limit 10001", "Give 1 to 10000", "list", "--limit", "10001"),
	)

	It("leaves a directory alone that is no mailbox", func() {
		Expect(os.Mkdir("empty", 0o700)).To(Succeed())
		Expect(os.WriteFile("file", nil, 0o600)).To(Succeed())
		for _, dir := range []string{"empty", "file"} {
			got := relayspec("mailbox", "--mail", dir)
			Expect(got.code).To(Equal(2))
			Expect(got.err).To(ContainSubstring("there is no mailbox " + dir))
		}
		Expect(os.ReadDir("empty")).To(BeEmpty())
	})

	It("says so when there is nothing yet", func() {
		Expect(os.RemoveAll("mail")).To(Succeed())
		_, err := mailbox.Open("mail")
		Expect(err).NotTo(HaveOccurred())
		Expect(lines(relayspec("mailbox"))).To(HaveLen(1))
		Expect(relayspec("mailbox", "list", "--json").out).To(BeEmpty())
	})

	It("tells an address whose local part has an @", func() {
		Expect(mailAddress(`a@b@Acme.Example`)).To(Equal(policy.Address{Local: "a@b", Domain: "acme.example"}))
		Expect(mailAddress("Postmaster")).To(Equal(policy.Address{Local: "Postmaster"}))
	})
})

var _ = Describe("password", func() {
	hash := func(in string, args ...string) outcomeOf {
		var out, err bytes.Buffer
		code := run(append([]string{"password", "--cost", "4"}, args...), strings.NewReader(in), &out, &err)
		return outcomeOf{code, out.String(), err.String()}
	}

	DescribeTable("gives a hash that a world file takes and AUTH is checked by",
		func(in, password string) {
			got := hash(in)
			Expect(got.code).To(Equal(0), got.err)
			Expect(got.out).To(MatchRegexp(`^\$2a\$04\$[./0-9A-Za-z]{53}\n$`))
			file := filepath.Join(GinkgoT().TempDir(), "world.yaml")
			Expect(os.WriteFile(file, []byte(`
customers:
  - id: acme
    licences: 1
    domains: [acme.example]
    users:
      - address: anna@acme.example
        password-hash: "`+strings.TrimSpace(got.out)+`"
    settings:
      - description: only
        senders: registered-users
        require-auth: true
`), 0o600)).To(Succeed())
			world, err := directory.Load(file)
			Expect(err).NotTo(HaveOccurred())
			anna := world.Users()[0]
			Expect(world.CheckPassword(anna, password)).To(BeTrue())
			Expect(world.CheckPassword(anna, password+"x")).To(BeFalse())
		},
		Entry("a line", "correct horse\n", "correct horse"),
		Entry("from Windows", "correct horse\r\n", "correct horse"),
		Entry("without an end", "correct horse", "correct horse"),
		Entry("blanks are its own", " correct \n", " correct "),
		Entry("only the first line", "one\ntwo\n", "one"),
	)

	DescribeTable("ends a mistake with what to do next, and 2",
		func(in, wrong string, args ...string) {
			got := hash(in, args...)
			Expect(got.code).To(Equal(2), got.out)
			Expect(got.out).To(BeEmpty())
			Expect(got.err).To(And(ContainSubstring(wrong), ContainSubstring("| relayspec password")))
		},
		Entry("nothing", "", "the password is empty"),
		Entry("an empty line", "\n", "the password is empty"),
		Entry("too long", strings.Repeat("x", 73), "longer than 72 octets"),
		Entry("cost", "x\n", "cost 99; take 4 to 16", "--cost", "99"),
	)
})
