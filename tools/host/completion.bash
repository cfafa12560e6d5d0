# SPDX-License-Identifier: MIT OR LGPL-2.1
# shellcheck shell=bash
# Completion of pto: commands, then what `pto COMMAND --help` lists, devices, and files.
_pto()
{
	local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} words

	if [ "$COMP_CWORD" -eq 1 ]; then
		words=$("$1" --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
		words+=' --help --version'
	elif [[ $word == -* ]]; then
		words=$("$1" "$command" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*')
	else
		case $command in
		info|ps|top|stat|fault|reset)
			words=$(cd /sys/class/pto 2>/dev/null && echo pto*)
			;;
		*)	mapfile -t COMPREPLY < <(compgen -f -- "$word")
			return
			;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o filenames -F _pto pto
