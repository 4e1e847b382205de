# shellcheck shell=bash disable=SC2154 # IMAGE, REGISTRY… come from run.sh
# CI jobs: with only a job's environment and no AWS key, pushes to two accounts with two roles.

# pushes_to_two_accounts CI SESSION_NAME: checks that AWS gets only one STS call and one ECR call for each role, from any client.
pushes_to_two_accounts() {
  start_job "$1"
  local ours theirs name from said
  said="$(job_audience) $(jq -r .subject <<<"$JOB")"
  ours=$(job_role "$ACCOUNT" "$1-ours")
  theirs=$(job_role 444455556666 "$1-theirs")
  in_job setup --role-arn "$ours" "$REGISTRY"
  in_job setup --role-arn "$theirs" "$FOREIGN"
  from=$(logged)
  for name in {"$IMAGE","$FOREIGN/${IMAGE#*/}"}:{1,2}; do
    in_job build_image "$name" hello
    in_job docker push "$name"
    in_job skopeo inspect "docker://$name"
  done
  local role=assumed-role/$1
  same "calls to AWS" "assume $ours $2 $said
assume $theirs $2 $said
ecr:GetAuthorizationToken arn:aws:sts::$ACCOUNT:$role-ours/$2 $REGION
ecr:GetAuthorizationToken arn:aws:sts::444455556666:$role-theirs/$2 $REGION" "$(aws_calls "$from")"
}

test_jobs_of_github_push_to_two_accounts() { pushes_to_two_accounts github gha-octo-app-42-1; }

test_jobs_of_gitlab_push_to_two_accounts() { pushes_to_two_accounts gitlab gitlab-octo-app-42; }

test_jobs_of_circleci_push_to_two_accounts() { pushes_to_two_accounts circleci circleci-app-42; }

test_jobs_of_bitbucket_push_to_two_accounts() { pushes_to_two_accounts bitbucket bitbucket-app-42; }

test_jobs_of_buildkite_push_to_two_accounts() { pushes_to_two_accounts buildkite buildkite-app-42; }

test_jobs_of_jenkins_push_to_two_accounts() { pushes_to_two_accounts jenkins jenkins-octo-app-42; }
