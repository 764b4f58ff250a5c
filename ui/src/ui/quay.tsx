// Containers on a quay, for the side of the login.
const BOXES: [x: number, y: number, opacity: number][] = [
  [0, 120, 1],
  [88, 120, 0.55],
  [176, 120, 0.82],
  [264, 120, 0.4],
  [44, 62, 0.75],
  [132, 62, 0.95],
  [220, 62, 0.5],
  [132, 4, 0.65],
];
const RIBS = [18, 32, 46, 60];
const POSTS = [-10, 110, 230, 350];
const wave = (at: number) => `M-20 ${520 + at * 26} q 55 -${16 - at} 110 0 t 110 0 t 110 0 t 110 0 t 110 0 t 110 0 t 110 0`;

export const Quay = () => (
  <svg viewBox="0 0 640 720" preserveAspectRatio="xMidYMid slice" className="quay">
    <g fill="none" stroke="#fff" strokeOpacity=".12" strokeWidth="1.2">
      {Array.from({ length: 9 }, (_, at) => (
        <path key={at} d={wave(at)} />
      ))}
    </g>
    <g transform="translate(150 286)">
      {BOXES.map(([x, y, opacity]) => (
        <g key={`${x} ${y}`} opacity={opacity}>
          <rect x={x} y={y} width="80" height="50" rx="7" fill="#fff" fillOpacity=".16" stroke="#fff" strokeOpacity=".55" strokeWidth="1.4" />
          {RIBS.map((rib) => (
            <line key={rib} x1={x + rib} x2={x + rib} y1={y + 11} y2={y + 39} stroke="#fff" strokeOpacity=".35" strokeWidth="1.4" />
          ))}
        </g>
      ))}
      <rect x="-44" y="180" width="432" height="10" rx="5" fill="#fff" fillOpacity=".85" />
      {POSTS.map((x) => (
        <rect key={x} x={x} y="190" width="7" height="90" fill="#fff" fillOpacity=".28" />
      ))}
    </g>
  </svg>
);
