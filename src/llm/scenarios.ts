/** The scenarios that are part of the program, as YAML, by the name that a model's `actual` gives. */
export const SCENARIOS: Readonly<Record<string, string>> = {
  default: `steps:
  - say: |
      I am the scripted model: I play scenarios and understand nothing. You said: {{prompt}}
      Add a model with addModel to talk to a real one.
`,
  demo: `steps:
  - say: First I look around.
    calls:
      - tool: env
        input:
          command: echo "in $(basename "$PWD")"; ls -l; wc -l levels.csv
  - say: Now I measure. This takes a few seconds.
    calls:
      - tool: sh
        input:
          command: |
            total=0; n=0
            while [ $n -lt 12 ]; do
              n=$((n+1)); level=$((40 + (n*7) % 13)); total=$((total+level))
              echo "reading $n: level $level"
              [ $((n % 4)) -eq 0 ] && echo "gauge: $n of 12 readings taken" >&2
              sleep 0.25
            done
            echo "sum of levels: $((total * 17 + 3))"
          yield_ms: 20000
  - say: One more, to see that it can be stopped.
    calls:
      - tool: sh
        input:
          command: n=0; while :; do n=$((n+1)); echo "watching $n"; sleep 0.2; done
          yield_ms: 30000
  - say: "The sum of the levels is {{match:/sum of levels: (\\\\d+)/}}. The watch was cancelled, which is fine."
`,
};
