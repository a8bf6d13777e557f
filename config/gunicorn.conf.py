"""How gunicorn runs the service. `passport serve` adds where to listen."""

import os

worker_class = "passport_service.worker.Worker"  # gthread, guarded against slow clients
threads = 4  # two would do for the work, which is computing; the others are for clients that are slow to read or to send
preload_app = True  # the law is compiled once, and shared by the workers
control_socket_disable = True  # nothing here needs it, and a read-only container has no place for it
timeout = 30
graceful_timeout = 20
keepalive = 15
forwarded_allow_ips = ""  # nobody's SCRIPT_NAME, PATH_INFO or X-Forwarded-Proto counts, wherever they ask from
forwarder_headers = ""
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
loglevel = os.environ.get("PASSPORT_LOG_LEVEL", "warning")
