/** Small bars without axes: how a number went. */

/** `label` says what they show; of fewer than 60 values the bars begin later. */
export function Bars(props: { label: string; values: readonly number[] }) {
  const most = Math.max(1, ...props.values);
  const last = props.values.length;
  return (
    <svg
      class="bars"
      viewBox={`0 0 ${Math.max(60, last) * 4} 40`}
      preserveAspectRatio="none"
      role="img"
      aria-label={props.label}
    >
      <line class="rule" x1="0" x2={Math.max(60, last) * 4} y1="39.5" y2="39.5" />
      {props.values.map((value, index) => {
        const size = value ? Math.max(1.5, (value / most) * 38) : 0;
        const left = (Math.max(60, last) - last + index) * 4;
        return size ? (
          <rect key={index} class="bar" x={left} y={39 - size} width="3" height={size} />
        ) : null;
      })}
    </svg>
  );
}
