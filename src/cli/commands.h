/* The list of commands: LIGHT ones live in `vitrine`, FULL ones in `vitrine-full`. Included with both macros defined:
 * name, function, the words that may follow it (NULL: none), summary (NULL: hidden).
 */
FULL("demo", cmd_demo, NULL, "the whole loop on this machine, explained as it goes")
FULL("server", cmd_server, NULL, "the controller, API, webhooks and dashboard")
FULL("app", cmd_app, "list get sync wait diff history logs delete delete-resource",
     "list, get, sync, diff, history, logs, wait, delete Applications")
FULL("appset", cmd_appset, "list get generate", "list, get, generate ApplicationSets")
LIGHT("template", cmd_template, NULL, "render a chart, as helm template does")
FULL("chart", cmd_chart, "dependency repo pull push show package index lint",
     "dependency, repo, pull, push, show, package, index, lint")
FULL("dependency", cmd_dependency, NULL, NULL)
FULL("artefact", cmd_artefact, "publish promote tags", "publish, promote, tags: the life of an image")
FULL("status", cmd_status, "set list", "set, list commit statuses")
FULL("pr", cmd_pr, "find", "find the pull request of a commit")
FULL("workflow", cmd_workflow, "run", "run a workflow (workflow_dispatch)")
FULL("notify", cmd_notify, "trigger template list", "dry-run notification templates and triggers, list what was sent")
FULL("sandbox", cmd_sandbox, "serve repo pull run fault wait", "the stand-in forge by itself")
FULL("doctor", cmd_doctor, NULL, "check the machine, the tokens, the configuration")
LIGHT("completion", cmd_completion, "bash zsh fish", "a completion script for bash, zsh or fish")
LIGHT("version", cmd_version, NULL, "print the version")
