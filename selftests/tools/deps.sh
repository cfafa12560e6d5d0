#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# tools/deps, with stand-ins for the package manager: nothing is installed.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
deps=$root/tools/deps
mkdir "$work/bin"
PATH=$work/bin:$PATH

# stand_in NAME - a command from standard input
stand_in()
{
	{ echo '#!/bin/sh'; cat; } >"$work/bin/$1"
	chmod +x "$work/bin/$1"
}

stand_in apt-get <<'END'
echo "apt-get $*"
[ ! "${APT_FAILS:-}" ]
END
stand_in id <<'END'
echo "${ID:-0}"
END
# All but what is named in LACK is installed.
stand_in dpkg-query <<'END'
for package; do
	case " ${LACK:-} " in
	*" $package "*) ;;
	*) echo "installed $package" ;;
	esac
done
[ ! "${LACK:-}" ]
END

check 'nothing is missing: nothing is said' 0 '^$' sh -c "'$deps' 2>&1; echo"
check 'what is missing is installed' 0 'install -y .* gcc make$' env LACK='gcc make' "$deps"
check 'and named first' 0 '^deps: installing gcc make$' env LACK='gcc make' "$deps"
check 'what a longer name contains is not taken for it' 0 'installing g\+\+$' \
	env LACK=g++ "$deps" build
check 'only the sets that are named' 0 '^$' sh -c "LACK=clang '$deps' build 2>&1; echo"
check 'lists are fetched when an install fails' 100 'apt-get .* update' \
	sh -c "LACK=gcc APT_FAILS=1 '$deps'; exit 100"
check 'a failed install is a failure' 1 'apt-get' env LACK=gcc APT_FAILS=1 "$deps"
check 'sets can be listed' 0 '^libjansson-dev$' "$deps" --list build
check 'no such set' 2 'no such set: nix' "$deps" nix
check 'no such option' 2 'Usage' "$deps" --nix
ln -s "$(command -v dash || command -v sh)" "$work/bin/sh"
for tool in cat dirname env grep printf; do
	ln -s "$(command -v $tool)" "$work/bin/$tool"
done
check 'neither root nor sudo' 1 'as root: apt-get install gcc' \
	env ID=1 LACK=gcc PATH="$work/bin" "$deps"
stand_in sudo <<'END'
echo "sudo $*"
END
check 'not root, but with sudo' 0 '^sudo env .*install .*gcc$' \
	env ID=1 LACK=gcc PATH="$work/bin" "$deps"
rm "$work/bin/dpkg-query"
check 'not Debian' 1 'this is not Debian' env PATH="$work/bin" "$deps"
done_testing
