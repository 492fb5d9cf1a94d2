   subject=$(gh api repos/[[ github_owner ]]/[[ project_name ]] \
     --jq '"repo:\(.owner.login)@\(.owner.id)/\(.name)@\(.id):environment:staging"')
