# What the start scripts of real senders share; they source it. Each is a driver (features/sender/real says how one is asked),
# and defines:
#
#   configure DIR   the files that an administrator would write, into DIR, as the document has it
#   up              the server is set up by them and takes mail at LISTEN
#   version         what version it is
#   flush           it tries what is queued, now
#   queue           an object of JSON for each recipient that it has still to deliver
#
# In the environment: HOST, its name; RELAY, its relay; PORT, "" for the recipe's own; TLS, "required" or ""; ROOT, a file of
# certificates to be trusted, or ""; LOGIN and PASSWORD, or ""; LISTEN, where it is to take mail; SCALE, by what its timers
# for retries are shortened, 1 for none; FINAL, how many seconds it waits for the reply to the end of a message, or "".

here=$(cd "$(dirname "$0")" && pwd)
relays=$here/../../relays
. "$relays/common.sh"

: "${HOST:=mail.corp.example}" "${RELAY:=smtp-relay.gmail.com}" "${PORT:=}" "${TLS:=}" "${ROOT:=}" "${LOGIN:=}" "${PASSWORD:=}"
: "${LISTEN:=127.0.0.1:25}" "${SCALE:=1}" "${FINAL:=}"

# settles NAME: go on where NAME is installed, on a machine that is called HOST, in a network that leads nowhere.
settles() {
	if [ -n "$(tail -n +3 /proc/net/dev | grep -v '^ *lo:')" ]; then
		echo "this isn't the island's network: a server that isn't ours would reach others" >&2
		exit 2
	fi
	[ "${SETTLED-}" = "$1" ] || exec unshare --uts "$relays/settle" "$1" "$0"
	hostname "$HOST"
	printf '127.0.0.1 localhost\n127.0.0.1 %s %s\n::1 localhost\n' "$HOST" "${HOST%%.*}" >/etc/hosts
}

# qualified: HOST is more than a bare name, and may be written down.
qualified() { [[ $HOST == *.* ]]; }

# scaled SECONDS: a time of the server's, shortened, in whole seconds.
scaled() { echo $(($1 > SCALE ? $1 / SCALE : 1)); }

# trust FILE: the certificates of ROOT stand in FILE among those that are trusted.
trust() {
	[ -n "$ROOT" ] || return 0
	mkdir -p "$(dirname "$1")"
	cat "$ROOT" >>"$1"
}

# objects makes what queue answers of lines: id, 1 if it is held, recipient, sender and reason, parted by tabs.
objects() { jq -Rc 'split("\t") | {id: .[0], held: (.[1] == "1"), recipient: .[2], sender: .[3], reason: (.[4:] | join(" "))}'; }

# drive NAME ARGUMENT...: what a script ends with. "configure DIR" writes files and ends, "version" says one; else the server
# is started, and each line of standard input is a request. Of what is written, lines that begin with "> " are answers: the
# last one of each is "done", or "failed" and why.
drive() {
	local name=$1 verb said line
	case ${2-} in
	configure)
		configure "$3"
		exit
		;;
	version)
		[ "${SETTLED-}" = "$name" ] || exec "$relays/settle" "$name" "$0" version
		version
		exit
		;;
	esac
	settles "$name"
	up >&2
	listening "${LISTEN##*:}" >&2
	echo "> done"
	while read -r verb; do
		case $verb in
		flush | queue) ;;
		*) echo "> failed no request is called $verb" && continue ;;
		esac
		if said=$("$verb" 2>&1); then
			while read -r line; do [ -z "$line" ] || echo "> $line"; done <<<"$said"
			echo "> done"
		else
			echo "> failed ${said//$'\n'/; }"
		fi
	done
}
