# tcsh completion for scalekit-exec and scalekit-auth. Made by python -m scalekit_exec.cli.auth.completion; change that, not this.
# To have it in every tcsh: scalekit-auth completion tcsh --install

complete scalekit-exec \
  'n/-c/f/' \
  'n/--config/f/' \
  'c/--config=/f/' \
  'n/--env-file/f/' \
  'c/--env-file=/f/' \
  'n/--environment/x:a value/' \
  'c/--environment=/x:a value/' \
  'n/--identifier/x:a value/' \
  'c/--identifier=/x:a value/' \
  'n/--timeout/x:a value/' \
  'c/--timeout=/x:a value/' \
  'n/--min-ttl/x:a value/' \
  'c/--min-ttl=/x:a value/' \
  'n/--pass/e/' \
  'c/--pass=/e/' \
  'n/--/c/' \
  'p,*,`sh -c '\''case "$COMMAND_LINE" in (*" -- "*) ls -dp -- "${COMMAND_LINE##* }"* ; exit ;; esac ; w="${COMMAND_LINE##* }" ; m= ; set -f ; set -- $COMMAND_LINE ; n="$2" ; while [ $# -gt 1 ] ; do case "$1" in (-c|--config) m="--config=$2" ;; (--config=*) m="$1" ;; esac ; shift ; done ; case "$m" in ("--config=~/"*) m="--config=$HOME/${m#--config=??}" ;; esac ; case "$w" in (-*) printf "%s\n" -- -c --config --env-file --environment --identifier --timeout --min-ttl --wait --no-wait --open --redact --no-redact --serve --serve-only --pristine --pass --keep-credentials --dry-run --sandbox --json -q --quiet -v --verbose --version -h --help -- ; exit ;; esac ; case "$w" in (*@*) ;; (*) w= ;; esac ; scalekit-exec $m --list-words $w < /dev/null | cut -f 1 | grep -v "[][ {}*?$]"'\''`,'

complete scalekit-auth \
  'p/1/(authorize completion config connections daemon detect doctor export import list login logout redact sandbox status token --version -h --help)/' \
  'n/-c/f/' \
  'n/--config/f/' \
  'c/--config=/f/' \
  'n/--env-file/f/' \
  'c/--env-file=/f/' \
  'n/--environment/x:a value/' \
  'c/--environment=/x:a value/' \
  'n/--identifier/x:a value/' \
  'c/--identifier=/x:a value/' \
  'n/--timeout/x:a value/' \
  'c/--timeout=/x:a value/' \
  'n/--env/e/' \
  'c/--env=/e/' \
  'n/--provider/x:a value/' \
  'c/--provider=/x:a value/' \
  'n/--cache/x:a value/' \
  'c/--cache=/x:a value/' \
  'n/--format/(sh fish powershell nushell elvish xonsh tcsh cmd json dotenv github)/' \
  'c/--format=/(sh fish powershell nushell elvish xonsh tcsh cmd json dotenv github)/' \
  'n/--min-ttl/x:a value/' \
  'c/--min-ttl=/x:a value/' \
  'n/--url/x:a value/' \
  'c/--url=/x:a value/' \
  'n/--client-id/x:a value/' \
  'c/--client-id=/x:a value/' \
  'n/--store/(keyring env)/' \
  'c/--store=/(keyring env)/' \
  'n/--scenario/f/' \
  'c/--scenario=/f/' \
  'n/--port/x:a value/' \
  'c/--port=/x:a value/' \
  'n/--ca-file/f/' \
  'c/--ca-file=/f/' \
  'n/--lifetime/x:a value/' \
  'c/--lifetime=/x:a value/' \
  'n/--/c/' \
  'p,*,`sh -c '\''case "$COMMAND_LINE" in (*" -- "*) ls -dp -- "${COMMAND_LINE##* }"* ; exit ;; esac ; w="${COMMAND_LINE##* }" ; m= ; set -f ; set -- $COMMAND_LINE ; n="$2" ; while [ $# -gt 1 ] ; do case "$1" in (-c|--config) m="--config=$2" ;; (--config=*) m="$1" ;; esac ; shift ; done ; case "$m" in ("--config=~/"*) m="--config=$HOME/${m#--config=??}" ;; esac ; case "$n:$w" in (authorize:-*) printf "%s\n" -- --open --force --wait --no-wait -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help ; exit ;; esac ; case "$n:$w" in (completion:-*) printf "%s\n" -- --install -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help ; exit ;; esac ; case "$n" in (completion) printf "%s\n" bash zsh fish yash nushell elvish tcsh xonsh powershell ; exit ;; esac ; case "$n:$w" in (config:-*) printf "%s\n" -- --env --remove --project -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help ; exit ;; esac ; case "$n:$w" in (connections:-*) printf "%s\n" -- --provider -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help ; exit ;; esac ; case "$n" in (connections) exit ;; esac ; case "$n:$w" in (daemon:-*) printf "%s\n" -- --cache -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help ; exit ;; esac ; case "$n" in (daemon) printf "%s\n" start status stop ; exit ;; esac ; case "$n:$w" in (detect:-*) printf "%s\n" -- -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help ; exit ;; esac ; case "$n" in (detect) exit ;; esac ; case "$n:$w" in (doctor:-*) printf "%s\n" -- -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help ; exit ;; esac ; case "$n:$w" in (export:-*) printf "%s\n" -- --format --min-ttl --show -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help ; exit ;; esac ; case "$n:$w" in (import:-*) printf "%s\n" -- --dry-run --project --force --credentials -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help ; exit ;; esac ; case "$n" in (import) set +f ; ls -dp -- "$w"* ; exit ;; esac ; case "$n:$w" in (list:-*) printf "%s\n" -- -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help ; exit ;; esac ; case "$n:$w" in (login:-*) printf "%s\n" -- --url --client-id --secret-stdin --store -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help ; exit ;; esac ; case "$n" in (login) exit ;; esac ; case "$n:$w" in (logout:-*) printf "%s\n" -- --purge -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help ; exit ;; esac ; case "$n" in (logout) exit ;; esac ; case "$n:$w" in (redact:-*) printf "%s\n" -- -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help ; exit ;; esac ; case "$n:$w" in (sandbox:-*) printf "%s\n" -- --scenario --port --ca-file --lifetime -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help -- ; exit ;; esac ; case "$n" in (sandbox) exit ;; esac ; case "$n:$w" in (status:-*) printf "%s\n" -- --check -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help ; exit ;; esac ; case "$n:$w" in (token:-*) printf "%s\n" -- --min-ttl --show -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help ; exit ;; esac ; case "$w" in (*@*) ;; (*) w= ;; esac ; scalekit-exec $m --list-words $w < /dev/null | cut -f 1 | grep -v "[][ {}*?$]"'\''`,'
