#!/bin/sh
# A plug-in for Switchhook that appends deliveries to the file that FILE names, or to
# deliveries.log: a service in plain shell. Each line on standard input is a delivery as JSON.
# Its "id" comes near its beginning, so that no JSON parser is needed to answer; with jq at hand,
# take the options from the line.

echo '{"type":"hello","protocol":1,"name":"append-shell","version":"1.0"}'

while read -r delivery; do
	case $delivery in
	'{"type":"delivery","id":"'*) ;;
	*) continue ;; # of a later version of the protocol
	esac
	id=${delivery#*\"id\":\"}
	id=${id%%\"*}
	if printf '%s\n' "$delivery" >>"${FILE:-deliveries.log}"; then
		echo "{\"id\":\"$id\",\"result\":\"delivered\"}"
	else
		echo "{\"id\":\"$id\",\"result\":\"retry\",\"error\":\"the file cannot be written\"}"
	fi
done
