# The law alone, as an image that Kubernetes mounts as a volume (components/law-image). Build from the root of the project:
#   docker build -f deploy/law.Dockerfile -t registry.example/passport-law:2026.11.22 .
FROM scratch
COPY config/facts.yaml config/authorities.yaml /
COPY config/calendars /calendars
COPY config/rulebooks /rulebooks
COPY config/scenarios /scenarios
