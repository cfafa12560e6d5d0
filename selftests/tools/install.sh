#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# make install: what is built with, linked to and run from an installation.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
dest=$work/dest
usr=$dest/opt/pto
cc="${PTO_CC:-gcc} ${PTO_CFLAGS:-}"

# The options of the make that runs this are not for that one.
install_pto()
{
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
		make -C "$root" --no-print-directory install DESTDIR="$dest" prefix=/opt/pto
}

check 'make install' 0 '' install_pto
cd "$work" || exit 1
check 'nothing outside the prefix' 0 '^opt/pto$' sh -c 'cd "$0" && echo *; echo */*' "$dest"
unset PTO_RUNTIME_LIB PYTHONPATH
export LD_LIBRARY_PATH="$usr/lib" PKG_CONFIG_SYSROOT_DIR="$dest"
export PKG_CONFIG_PATH="$usr/lib/pkgconfig" PYTHONDONTWRITEBYTECODE=1

cat >program.c <<'END'
#include <linux/pto_queue.h>
#include <pto/pto.h>
#include <stdio.h>

int main(void)
{
	struct pto_device_info info = { .size = sizeof(info) };
	unsigned int version = pto_version();
	struct pto_device *dev;

	if (pto_device_open(NULL, &dev) || pto_device_query(dev, &info))
		return 1;
	printf("%u.%u.%u %s\n", version >> 16, version >> 8 & 255, version & 255, info.name);
	pto_device_close(dev);
	return 0;
}
END

# shellcheck disable=SC2046,SC2086  # flags, to be split
build()
{
	$cc -o program program.c $(pkg-config --cflags --libs libpto)
}
# shellcheck disable=SC2046,SC2086
build_static()
{
	$cc -o static program.c "$usr/lib/libpto.a" -Wl,--as-needed \
		$(pkg-config --static --cflags --libs libpto)
}

version=$(pkg-config --modversion libpto)
check 'pkg-config knows libpto' 0 '^[0-9]+\.[0-9]+\.[0-9]+$' echo "$version"
check 'and where it is, when all of it has been moved' 0 '/moved/lib -lpto' \
	pkg-config --define-variable=prefix=/moved --libs libpto
check 'a program builds with its flags' 0 '' build
check 'and runs, on a library of that version' 0 "^$version embedded0\$" ./program
check 'the library is found by its soname' 0 'libpto\.so\.0 => .*/opt/pto/lib/libpto\.so\.0' \
	ldd program
check 'a program with the library inside' 0 '' build_static
check 'runs without it' 0 "^$version embedded0\$" env -u LD_LIBRARY_PATH ./static

unset LD_LIBRARY_PATH
check 'pto runs an example' 0 'PASS vector 16384/16384' \
	"$usr/bin/pto" run "$usr/share/pto/examples/vector"
check 'and leaves a page of its profile' 0 '' sh -c \
	"'$usr/bin/pto' run --profile --out . '$usr/share/pto/examples/vector' && test -s swim_time.html"
check 'pto-cc finds the installed headers' 0 '' \
	"$usr/bin/pto-cc" --orch -o orch.so "$usr/share/pto/examples/vector/orch.c"
check 'pto cc, too' 0 '' "$usr/bin/pto" cc --orch -o orch2.so "$usr/share/pto/examples/vector/orch.c"
check 'pto bench measures' 0 '^indep +100 +pto ' \
	"$usr/bin/pto" bench --graph indep --tasks 100 --reps 1 --parts graphs --threads 1 --peers pto
check 'the completion knows the commands' 0 '^reset$' bash -c \
	'. "$1/share/bash-completion/completions/pto"; COMP_WORDS=("$1/bin/pto" re) COMP_CWORD=1
	 _pto "$1/bin/pto"; printf "%s\n" "${COMPREPLY[@]}"' bash "$usr"
check 'and their options' 0 '^--streams$' bash -c \
	'. "$1/share/bash-completion/completions/pto"; COMP_WORDS=("$1/bin/pto" ps --s) COMP_CWORD=2
	 _pto "$1/bin/pto"; printf "%s\n" "${COMPREPLY[@]}"' bash "$usr"
check 'a rule for the devices, and its group' 0 'GROUP="pto", MODE="0660"' \
	cat "$usr/lib/udev/rules.d/60-pto.rules" "$usr/lib/sysusers.d/pto.conf"
check 'samples for the module' 0 '^options pto mock=2' cat "$usr/share/pto/modprobe.conf"
check 'the two programs of a launch are there' 0 '' \
	test -f "$usr/lib/pto/aicpu.so" -a -f "$usr/lib/pto/aicore.so"

python()
{
	PYTHONPATH=$(echo "$usr"/lib/python3*/dist-packages) "$PYTHON" "$@"
}
if [ "${SAN:-}" ]; then
	skip 'Python finds the library' "the interpreter is not built with SAN=$SAN"
	skip 'bindings.py runs the example' "the interpreter is not built with SAN=$SAN"
else
	check 'Python finds the library' 0 '/opt/pto/lib/libpto_runtime.so 4096' python -c \
		'import pto; print(pto.find_library(), pto.Device().alloc(4096).nbytes)'
	PATH="$usr/bin:$PATH"
	check 'bindings.py runs the example' 0 'PASS vector 16384/16384' \
		python "$usr/share/pto/examples/vector/run.py" "$usr/lib/libpto_runtime.so"
fi
done_testing
