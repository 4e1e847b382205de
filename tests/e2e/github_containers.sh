# shellcheck shell=bash disable=SC2154 # IMAGE, REGISTRY… come from run.sh
# GitHub's `container:`: the runner itself pulls the job's image from the lab, with the password of the previous job.

# job_image NAME: builds an image that a job can run in, with a shell and what act requires.
job_image() {
  local folder=$HOME/job-image name
  mkdir -p "$folder/bin" "$folder/tmp" "$folder/etc"
  cp "$(command -v busybox)" "$folder/bin/busybox"
  for name in sh cat tail mkdir env ln chmod rm cp ls; do ln -s busybox "$folder/bin/$name"; done
  echo "hello from the job's image" >"$folder/text"
  printf 'root:x:0:0:root:/:/bin/sh\n' >"$folder/etc/passwd"
  printf 'FROM scratch\nCOPY . /\nENV PATH=/bin\nCMD ["/bin/sh"]\n' >"$folder/Dockerfile"
  DOCKER_BUILDKIT=0 docker build --quiet --tag "$1" "$folder"
}

test_github_container_s_image_is_pulled_with_a_password_for_it_alone() {
  job_image "$REGISTRY/base:1"
  as_admin docker push "$REGISTRY/base:1"
  docker image rm "$REGISTRY/base:1"
  fails docker pull "$REGISTRY/base:1"
  local log
  log=$(github_documented "$ROOT/.github/workflows/examples/container.yml")
  contains "$log" "hello from the job's image"
}
