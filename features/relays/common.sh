# What the start scripts share; they source it. A start script is called with its ports and the sink in the environment,
# settles, writes the relay's configuration from the templates that lie beside it, and becomes the relay.

here=$(cd "$(dirname "$0")" && pwd)

# settles NAME ARGUMENT...: go on where NAME is installed.
settles() { [ "${SETTLED-}" = "$1" ] || exec "$here/../settle" "$1" "$0" "${@:2}"; }

# account NAME [HOME]: a user and a group that the package would have made.
account() {
	getent passwd "$1" >/dev/null && return
	local id
	id=$((900 + $(wc -l </etc/group)))
	echo "$1:x:$id:" >>/etc/group
	echo "$1:x:$id:$id::${2:-/nonexistent}:/usr/sbin/nologin" >>/etc/passwd
}

# group NAME: a group alone.
group() { getent group "$1" >/dev/null || echo "$1:x:$((900 + $(wc -l </etc/group))):" >>/etc/group; }

# certificate DIR: a key and a self-signed certificate for the machine's name.
certificate() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=$(hostname)" -addext "subjectAltName=DNS:$(hostname),IP:127.0.0.1" \
		-keyout "$1/key.pem" -out "$1/cert.pem" 2>/dev/null
	chmod 640 "$1/key.pem"
}

# fill FILE: the template with each @NAME@ filled in from the environment.
fill() {
	local text name
	text=$(cat "$here/$1")
	for name in $(grep -o '@[A-Z0-9_]*@' <<<"$text" | tr -d @ | sort -u); do text=${text//@$name@/${!name}}; done
	printf "%s\n" "$text"
}

# listening PORT...: wait until each is served, up to 50 s.
listening() {
	local port tries
	for port; do
		for ((tries = 0; tries < 1000; tries++)); do
			(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue 2
			sleep 0.05
		done
		echo "nobody listens at 127.0.0.1:$port" >&2
		return 1
	done
}

if [ -n "${SINK-}" ]; then
	export SINK_HOST=${SINK%:*} SINK_PORT=${SINK##*:}
fi
