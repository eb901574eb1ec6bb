/** Small bars without axes, the size of a word: how a number went. */

const SLOTS = 60;
const SLOT = 1.5;
const HEIGHT = 22;

/** `label` says what it shows; of more than 60 values the last are shown. */
export function Spark(props: { label: string; values: readonly number[] }) {
  const values = props.values.slice(-SLOTS);
  const most = Math.max(1, ...values);
  const width = SLOTS * SLOT;
  return (
    <svg
      class="spark"
      width={width}
      height={HEIGHT}
      viewBox={`0 0 ${width} ${HEIGHT}`}
      role="img"
      aria-label={props.label}
    >
      <rect class="base" x="0" y={HEIGHT - 1} width={width} height="1" />
      {values.map((value, index) => {
        const size = value ? Math.max(2, (value / most) * (HEIGHT - 2)) : 0;
        const left = (SLOTS - values.length + index) * SLOT;
        return size ? (
          <rect key={index} x={left} y={HEIGHT - size} width={SLOT} height={size} />
        ) : null;
      })}
    </svg>
  );
}
