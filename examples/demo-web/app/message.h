/* What the application answers; the demo's pull requests change this line. */
#define MESSAGE "Hello from demo-web"
