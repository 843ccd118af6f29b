# End the service's process as a crash would, and give the supervisor a moment to notice.
kill -9 "$(dreamnet status --json | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')"
sleep 1
