package settings

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// kind is a form of configuration file.
type kind struct {
	name    string   // how people call it
	group   string   // files of one group are one server's
	servers []string // that are configured by it
	files   []string // how the file is called, in small letters, as filepath.Match has it
	line    *regexp.Regexp
	read    func(*reading, []source) []*Setup // all files of the group
}

// kinds are all that can be read. A line that speaks for a form is one that hardly stands in another.
func kinds() []*kind {
	re := regexp.MustCompile
	return []*kind{
		{"Postfix main.cf", "postfix", []string{"postfix", "osx"}, []string{"main.cf", "master.cf"},
			re(`^(relayhost|my[a-z]+|smtpd?_[a-z_]+|[a-z]*transport[a-z_]*|inet_[a-z]+|mail_[a-z]+|queue_[a-z]+|alias_[a-z]+|compatibility_level|[a-z]+_time|[a-z_]+_(maps|directory|limit|lifetime))\s*=`), readPostfix},
		{"serveradmin settings mail", "osx", []string{"osx"}, nil, re(`^mail:[A-Za-z_]+(:\S*)?\s*=`), readServerAdmin},
		{"sendmail.mc", "sendmail", []string{"sendmail"}, []string{"*.mc"},
			re("^(define|undefine|FEATURE|MAILER|OSTYPE|DOMAIN|VERSIONID|divert|s?include|MASQUERADE_AS|dnl)(\\(|\\b)"), readSendmail},
		{"sendmail.cf", "sendmail", []string{"sendmail"}, []string{"sendmail.cf", "submit.cf"},
			re(`^(D[A-Zj{]\S*|V\d+/\w+|O [A-Z]\w+(\.\w+)*\s*=|M\w+,\s*P=.*|S\w+\s*=?\s*\d*|R\S.*\t.*|K\w+ \w+.*)$`), readSendmail},
		{"qmail control", "qmail", []string{"qmail"}, controlFiles(), re(`^:[\w.\[\]-]+(:\d+)?$`), readQmail},
		{"Exchange | Format-List", "exchange", []string{"exchange-hub", "exchange-edge"}, nil, re(`^[A-Z][A-Za-z0-9]+ +:( [^(].*)?$`), readExchange},
		{"metabase (adsutil enum)", "exchange-2003", []string{"exchange-2003"}, nil, re(`^\[?/?\w[\w/]*\s*\]?\s*: \((STRING|INTEGER|BOOLEAN|LIST|MIMEMAP|IPSECLIST|BINARY|EXPANDSZ|NTACL)\)`), readExchange2003},
		{"ldifde", "exchange-2003", []string{"exchange-2003"}, []string{"*.ldf", "*.ldif"}, re(`^(dn::? |msExch\w+::? |changetype: )`), readExchange2003},
		{"notes.ini", "domino", []string{"domino"}, []string{"notes.ini"}, re(`(?i)^(\[notes\]|(KitType|Directory|KeyFilename|ServerTasks|MailServer|ServerName|Domain|SMTP\w+|Router\w+)=)`), readDomino},
		{"DXL", "domino", []string{"domino"}, []string{"*.dxl"}, re(`^\s*<(\?xml|!DOCTYPE|database|document|item)\b`), readDomino},
		{"Domino's documents as YAML", "domino", []string{"domino"}, nil, re(`(?i)^\s*-?\s*"?(Relay ?host[^:]*|Initial transfer retry interval|InitialTransferRetryInterval|ServerConfig|Configuration|Fully qualified Internet host name)"?:(\s|$)`), readDomino},
		{"gwia.cfg", "groupwise", []string{"groupwise"}, []string{"gwia.cfg", "gwauth.cfg"}, re(`(?i)^\s*(/|--)[a-z]\w*([-= ]|$)`), readGroupWise},
		{"update-exim4.conf.conf", "exim", []string{"exim"}, []string{"update-exim4.conf.conf"}, re(`^dc_\w+=`), readExim},
	}
}

// servers are all whose configuration can be read.
func servers() []string {
	var all []string
	for _, k := range kinds() {
		for _, s := range k.servers {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return all
}

// knownNames are those of files that are known by them.
func knownNames() []string {
	var all []string
	for _, k := range kinds() {
		all = append(all, k.files...)
	}
	return all
}

// byName gives the form of a file by its name alone; nil: it tells nothing.
func byName(file string) *kind {
	name := strings.ToLower(filepath.Base(file))
	for _, k := range kinds() {
		for _, pattern := range k.files {
			if ok, _ := filepath.Match(pattern, name); ok {
				return k
			}
		}
	}
	return nil
}

// recognise tells what a file is: what most of its lines speak for, or else what its name says.
func (r *reading) recognise(t *text) *kind {
	var best *kind
	most := 0
	named := byName(t.file)
	for _, k := range kinds() {
		if r.server != "" && !slices.Contains(k.servers, r.server) {
			continue
		}
		points := k.speaking(t)
		if k.sameAs(named) {
			points = 1<<30 + points // unless its kind is ruled out, a name that is known decides
		}
		if points > most {
			best, most = k, points
		}
	}
	if best == nil {
		r.fail(Place{File: t.file}, "%s", r.unknown())
	}
	return best
}

func (k *kind) sameAs(other *kind) bool { return other != nil && k.name == other.name }

// speaking is how many lines speak for k, of the first ones.
func (k *kind) speaking(t *text) int {
	n := 0
	for _, line := range t.lines[:min(len(t.lines), 5000)] {
		if k.line.MatchString(strings.TrimRight(line, " \t\r")) {
			n++
		}
	}
	return n
}

// unknown says that a file is nothing that is known, and what would be.
func (r *reading) unknown() string {
	var names []string
	for _, k := range kinds() {
		if r.server == "" || slices.Contains(k.servers, r.server) {
			names = append(names, k.name)
		}
	}
	if r.server != "" {
		return "it has no line as a configuration of " + r.server + " has; expected " + strings.Join(names, " or ")
	}
	return "no line tells which server it configures; expected one of " + strings.Join(names, ", ") + "; or name the server"
}
