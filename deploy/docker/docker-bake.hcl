# All images, for amd64 and arm64: docker buildx bake -f deploy/docker/docker-bake.hcl
#
#   REGISTRY=registry.example.com/restaurant VERSION=0.1.0 REVISION=$(git rev-parse --short HEAD) \
#     docker buildx bake -f deploy/docker/docker-bake.hcl --push
#
# Without REGISTRY nothing can be pushed: no registry has that name (RFC 2606).

variable "REGISTRY" { default = "registry.invalid/restaurant" }
variable "VERSION" { default = "0.1.0" }
variable "REVISION" { default = "unknown" }

group "default" {
  targets = ["image"]
}

target "image" {
  name = program
  matrix = {
    program = [
      "order-service", "kitchen-worker", "tracking-service", "notification-subscriber", "restaurant-ctl",
      "restaurant-system",
    ]
  }
  context    = "."
  dockerfile = "deploy/docker/Dockerfile"
  target     = program
  platforms  = ["linux/amd64", "linux/arm64"]
  args       = { VERSION = VERSION, REVISION = REVISION }
  tags       = ["${REGISTRY}/${program}:${VERSION}"]
  # What is in the image, and where and from what it was built, beside the image in the registry.
  attest = ["type=sbom", "type=provenance,mode=max"]
}
