// node_modules/preact/dist/preact.mjs
var n;
var t;
var r;
var u;
var i;
var f;
var o;
var e;
var l;
var c;
var a;
var s;
var h = /* @__PURE__ */ Symbol.for("pv");
var p = {};
var y = [];
var v = /^m(i|n|o|s|text|space)$/;
var w = Array.isArray;
var d = y.slice;
var _ = Object.assign;
function g(n3) {
  n3 && n3.parentNode && n3.remove();
}
function k(n3, t4, r4) {
  var u4, i4, f5, o5 = {}, e4 = arguments.length;
  for (f5 in t4) "key" == f5 ? u4 = t4[f5] : "ref" == f5 && "function" != typeof n3 ? i4 = t4[f5] : o5[f5] = t4[f5];
  return e4 > 2 && (o5.children = e4 > 3 ? d.call(arguments, 2) : r4), m(n3, o5, u4, i4, null);
}
function m(r4, u4, i4, f5, o5) {
  var e4 = { type: r4, props: u4, key: i4, ref: f5, __k: null, __: null, __b: 0, __e: null, __c: null, constructor: h, __v: o5 || ++t, __i: -1, __u: 0 };
  return !o5 && n.vnode && n.vnode(e4), e4;
}
function $(n3) {
  return n3.children;
}
function x(n3, t4) {
  this.props = n3, this.context = t4, this.__g = 0;
}
function S(n3, t4) {
  if (null == t4) return n3.__ && S(n3.__, n3.__i + 1);
  for (var r4; t4 < n3.__k.length; t4++) if ((r4 = n3.__k[t4]) && r4.__e) return r4.__e;
  return "function" != typeof n3.type || n3.props.__P ? null : S(n3);
}
function C(t4) {
  var r4, u4 = t4.__v, i4 = u4.__e, f5 = [], o5 = [], e4 = t4.__P;
  e4 && ((r4 = _({ constructor: h }, u4)).__v = u4.__v + 1, n.vnode && n.vnode(r4), z(e4, r4, u4, t4.__n, e4.namespaceURI, 32 & u4.__u ? [i4] : null, f5, i4 || S(u4), 32 & u4.__u, o5), r4.__v = u4.__v, r4.__.__k[r4.__i] = r4, E(f5, r4, o5), u4.__ = u4.__e = null, r4.__e != i4 && j(r4));
}
function j(n3) {
  if ((n3 = n3.__) && n3.__c && !n3.props.__P) return n3.__e = null, n3.__k.some(function(t4) {
    return t4 && (n3.__e = t4.__e);
  }), j(n3);
}
function L(t4) {
  (8 & t4.__g || (t4.__g |= 8, u.push(t4), f++)) && i == n.debounceRendering || ((i = n.debounceRendering) || queueMicrotask)(H);
}
function H() {
  try {
    for (var n3, t4 = 1; u.length; ) u.length > t4 && u.sort(o), n3 = u.shift(), t4 = u.length, 8 & n3.__g && C(n3);
  } finally {
    (f = u.length) && (i || queueMicrotask)(H);
  }
}
function I(n3, t4, r4, u4, i4, f5, o5, e4, l4, c4, a5) {
  var s4, h5, v4, w5, d5, _4, g5 = u4.__k || y, k4 = t4.length;
  for (l4 = q(r4, t4, g5, l4, k4), s4 = 0; s4 < k4; s4++) null != (v4 = r4.__k[s4]) && (h5 = ~v4.__i && g5[v4.__i] || p, v4.__i = s4, _4 = z(n3, v4, h5, i4, f5, o5, e4, l4, c4, a5), w5 = v4.__e, (h5.ref != v4.ref || 8 & h5.__u) && (h5.ref && G(h5.ref, null, v4, h5), v4.ref && a5.push(v4.ref, v4.__c || w5, v4)), d5 = d5 || w5, 4 & v4.__u ? (l4 = A(v4, l4, n3, !h5.__v), h5.__e && (h5.__e = null)) : "function" == typeof v4.type && void 0 !== _4 ? l4 = _4 : w5 && (l4 = w5.nextSibling), v4.__u &= -21);
  return r4.__e = d5, l4;
}
function q(n3, t4, r4, u4, i4) {
  var f5, o5, e4, l4, c4, a5, s4, p5, y5, v4 = r4.length, d5 = v4, _4 = 0, g5 = 0, k4 = n3.__k = Array(i4);
  for (f5 = 0; f5 < i4; f5++) null != (o5 = t4[f5]) && "boolean" != typeof o5 && "function" != typeof o5 ? ("object" != typeof o5 || o5.constructor === String ? o5 = k4[f5] = m(null, o5) : w(o5) ? o5 = k4[f5] = m($, { children: o5 }) : o5.constructor === h && o5.__b ? o5 = k4[f5] = m(o5.type, o5.props, o5.key, o5.ref, o5.__v) : k4[f5] = o5, l4 = f5 + _4, o5.__ = n3, o5.__b = n3.__b + 1, e4 = null, ~(c4 = o5.__i = P(o5, r4, l4, d5)) && (d5--, (e4 = r4[c4]) && (e4.__u |= 2)), e4 && e4.__v ? (o5.__u |= 16, c4 == l4 - 1 ? _4-- : c4 == l4 + 1 ? _4++ : c4 != l4 && (c4 > l4 ? _4-- : _4++, g5 = 1)) : (~c4 || (i4 > v4 ? _4-- : i4 < v4 && _4++), "function" != typeof o5.type && (o5.__u |= 4))) : k4[f5] = null;
  if (g5) {
    for (a5 = [], s4 = [], f5 = 0; f5 < i4; f5++) if ((o5 = k4[f5]) && 16 & o5.__u) {
      for (_4 = 0, p5 = a5.length; _4 < p5; ) a5[y5 = _4 + p5 >> 1] < o5.__i ? _4 = y5 + 1 : p5 = y5;
      a5[_4] = o5.__i, s4[f5] = _4 + 1;
    }
    for (_4 = a5.length; f5--; ) s4[f5] && (s4[f5] == _4 ? _4-- : k4[f5].__u |= 4);
  }
  if (d5) for (f5 = 0; f5 < v4; f5++) !(e4 = r4[f5]) || 2 & e4.__u || (e4.__e == u4 && (u4 = S(e4)), J(e4, e4));
  return u4;
}
function A(n3, t4, r4, u4) {
  var i4, f5, o5, e4;
  if ("function" == typeof n3.type) {
    if (n3.props.__P) return t4;
    if (i4 = n3.__k) for (f5 = 0; f5 < i4.length; f5++) i4[f5] && (i4[f5].__ = n3, t4 = A(i4[f5], t4, r4, false));
    return t4;
  }
  for (t4 && !t4.parentNode && (t4 = S(n3)) && !t4.parentNode && (t4 = null), o5 = n3.__e, e4 = t4; e4 && 8 == e4.nodeType; ) e4 = e4.nextSibling;
  for (o5 != e4 && (!u4 && r4.moveBefore && o5.parentNode ? r4.moveBefore(o5, t4) : r4.insertBefore(o5, t4 || null)), t4 = o5; (t4 = t4 && t4.nextSibling) && 8 == t4.nodeType && !t4.data.startsWith("$s"); ) ;
  return t4;
}
function P(n3, t4, r4, u4) {
  var i4, f5 = n3.key, o5 = n3.type, e4 = t4[r4], l4 = e4 && !(2 & e4.__u);
  if (null === e4 && null == f5 || l4 && f5 == e4.key && o5 == e4.type) return r4;
  if (u4 > (l4 ? 1 : 0)) {
    for (i4 = r4 - 1; i4 >= 0; i4--) if ((e4 = t4[i4]) && !(2 & e4.__u) && f5 == e4.key && o5 == e4.type) return i4;
    for (i4 = r4 + 1; i4 < t4.length; i4++) if ((e4 = t4[i4]) && !(2 & e4.__u) && f5 == e4.key && o5 == e4.type) return i4;
  }
  return -1;
}
function T(n3, t4, r4) {
  null == r4 && (r4 = ""), "-" == t4[0] ? n3.setProperty(t4, r4) : n3[t4] = r4;
}
function N(n3, t4, r4, u4, i4) {
  var f5, o5;
  if ("style" == t4) if ("string" == typeof r4) n3.style.cssText = r4;
  else {
    if ("string" == typeof u4 && (n3.style.cssText = u4 = ""), u4) for (t4 in u4) r4 && t4 in r4 || T(n3.style, t4);
    if (r4) for (t4 in r4) u4 && r4[t4] == u4[t4] || T(n3.style, t4, r4[t4]);
  }
  else if ("o" == t4[0] && "n" == t4[1]) "function" != typeof r4 && (r4 = null), "function" != typeof u4 && (u4 = null), (n3.__e || (n3.__e = {}))[t4] = r4, r4 && u4 || (o5 = a[t4] || (a[t4] = V(t4)), (n3.__a || (n3.__a = {}))[t4] = c, f5 = t4 != (t4 = t4.replace(l, "$1")), (t4 = t4.slice(2))[0] < "a" && (t4 = t4.toLowerCase()), r4 ? n3.addEventListener(t4, o5, f5) : n3.removeEventListener(t4, o5, f5));
  else {
    if ("http://www.w3.org/2000/svg" == i4) t4 = t4.replace(/xlink(H|:h)/, "h").replace(/sName$/, "s");
    else if ("width" != t4 && "height" != t4 && "href" != t4 && "list" != t4 && "form" != t4 && "tabIndex" != t4 && "download" != t4 && "rowSpan" != t4 && "colSpan" != t4 && "role" != t4 && "popover" != t4 && t4 in n3) try {
      return void (n3[t4] = null == r4 ? "" : r4);
    } catch (n4) {
    }
    if ("function" == typeof r4) return;
    null == r4 || false === r4 && "-" != t4[4] ? n3.removeAttribute(t4) : n3.setAttribute(t4, "popover" == t4 && 1 == r4 ? "" : r4);
  }
}
function V(t4) {
  return function(r4) {
    var u4 = this.__e;
    if (u4) {
      if (u4 = u4[t4], null == r4[e]) r4[e] = c++;
      else if (r4[e] < this.__a[t4]) return;
      return u4(n.event ? n.event(r4) : r4);
    }
  };
}
function z(t4, r4, u4, i4, f5, o5, e4, l4, c4, a5) {
  var s4, p5, v4, d5, k4, b4, m5, M2, C3, j3, L2, H2, q2, A4, O2, P3, T4, N2, V2 = r4.type;
  if (r4.constructor !== h) return null;
  128 & u4.__u && (c4 = 32 & u4.__u, s4 = u4.__c.__z) && (r4.__u |= c4, p5 = o5 = [], 8 == s4.nodeType ? l4 = B(s4, o5) : o5.push(s4), l4 = o5[0] || l4), (s4 = n.__b) && s4(r4);
  n: if ("function" == typeof V2) {
    v4 = e4.length;
    try {
      if (M2 = r4.props, C3 = (s4 = V2.prototype) && s4.render, j3 = (s4 = V2.contextType) && i4[s4.__c], L2 = s4 ? j3 ? j3.props.value : s4.__ : i4, (d5 = u4.__c) ? (r4.__c = d5, 2 & d5.__g && (d5.__g |= 1)) : (C3 ? r4.__c = d5 = new V2(M2, L2) : (r4.__c = d5 = new x(M2, L2), d5.constructor = V2, d5.render = K), j3 && j3.sub(d5), d5.state || (d5.state = {}), d5.__n = i4, d5.__g |= 8, d5.__h = [], d5.__k = []), C3 && (d5.__s || (d5.__s = d5.state), V2.getDerivedStateFromProps && (d5.__s == d5.state && (d5.__s = _({}, d5.__s)), _(d5.__s, V2.getDerivedStateFromProps(M2, d5.__s)))), k4 = d5.props, b4 = d5.state, d5.__v = r4, u4.__c) {
        if (M2 !== k4 && C3 && !V2.getDerivedStateFromProps && d5.componentWillReceiveProps && d5.componentWillReceiveProps(M2, L2), r4.__v == u4.__v && !(8 & d5.__g) || !(4 & d5.__g) && d5.shouldComponentUpdate && false === d5.shouldComponentUpdate(M2, d5.__s, L2)) {
          r4.__v != u4.__v && (d5.props = M2, d5.state = d5.__s, d5.__g &= -9), r4.__e = u4.__e, r4.__k = u4.__k, r4.__k.some(function(n3) {
            n3 && (n3.__ = r4);
          }), y.push.apply(d5.__h, d5.__k), d5.__k = [], d5.__h.length && e4.push(d5), l4 = S(u4);
          break n;
        }
        d5.componentWillUpdate && d5.componentWillUpdate(M2, d5.__s, L2), C3 && d5.componentDidUpdate && d5.__h.push(function() {
          d5.componentDidUpdate(k4, b4, m5);
        });
      } else C3 && !V2.getDerivedStateFromProps && d5.componentWillMount && d5.componentWillMount(), C3 && d5.componentDidMount && d5.__h.push(d5.componentDidMount);
      d5.context = L2, d5.props = M2, d5.__P = t4, d5.__g &= -5, H2 = n.__r, q2 = C3 ? 25 : 0;
      do {
        d5.__g &= -9, H2 && H2(r4), s4 = d5.render(d5.props, d5.state = d5.__s, d5.context);
      } while (8 & d5.__g && ++q2 < 25);
      C3 && (y.push.apply(d5.__h, d5.__k), d5.__k = []), d5.state = d5.__s, d5.getChildContext && (i4 = _({}, i4, d5.getChildContext())), C3 && u4.__c && d5.getSnapshotBeforeUpdate && (m5 = d5.getSnapshotBeforeUpdate(k4, b4)), A4 = s4 && s4.type === $ && null == s4.key ? s4.props.children : s4, M2.__P && (s4 = l4, f5 = (t4 = M2.__P).namespaceURI, c4 = o5 = null, u4.props && u4.props.__P != t4 && (u4.__k.some(function(n3) {
        n3 && J(n3, n3);
      }), u4.__k = null), l4 = u4.__k ? S(u4, 0) : null), l4 = I(t4, w(A4) ? A4 : [A4], r4, u4, i4, f5, o5, e4, l4, c4, a5), M2.__P && (r4.__e = null, l4 = s4), r4.__u &= -161, p5 && p5.some(g), d5.__h.length && e4.push(d5), 1 & d5.__g && (d5.__g &= -4);
    } catch (t5) {
      if (e4.length = v4, r4.__v = null, c4 || o5) if (t5 && t5.then) {
        if (r4.__u |= 128 | c4, o5) {
          for (~(T4 = o5.indexOf(l4 || void 0)) || (T4 = o5.length); (N2 = o5[T4 - 1]) && 8 == N2.nodeType; ) T4--;
          for (; T4 < o5.length; T4++) if (N2 = o5[T4]) if (o5[T4] = null, O2) {
            if (N2 == P3) break;
          } else {
            if (8 != N2.nodeType) break;
            N2.data.startsWith("$s") && (P3 = B(O2 = N2));
          }
        }
        if (!O2) {
          for (; l4 && 8 == l4.nodeType && l4.nextSibling; ) l4 = l4.nextSibling;
          O2 = l4;
        }
        (s4 = B(O2 = r4.__c.__z || (r4.__c.__z = O2))) ? (r4.__e = O2, l4 = s4) : r4.__e = l4, l4 = l4 && l4.nextSibling;
      } else o5 && o5.some(g);
      else r4.__e = u4.__e;
      r4.__k || (r4.__k = u4.__k || []), t5 && t5.then || D(r4), n.__e(t5, r4, u4);
    }
  } else l4 = r4.__e = F(u4.__e, r4, u4, i4, f5, o5, e4, c4, a5, t4);
  return (s4 = n.diffed) && s4(r4), l4;
}
function B(n3, t4) {
  if (n3 && 8 == n3.nodeType && n3.data.startsWith("$s")) for (var r4 = 1; n3 = n3.nextSibling; ) {
    if (8 == n3.nodeType) {
      if (n3.data.startsWith("$s")) r4++;
      else if (n3.data.startsWith("/$s") && !--r4) return n3;
    }
    t4 && t4.push(n3);
  }
}
function D(n3) {
  n3 && (n3.__c && (n3.__c.__g |= 4), n3.__k && n3.__k.some(D));
}
function E(t4, r4, u4) {
  for (var i4 = 0; i4 < u4.length; ) G(u4[i4++], u4[i4++], u4[i4++]);
  n.__c && n.__c(r4, t4), t4.some(function(r5) {
    try {
      t4 = r5.__h, r5.__h = [], t4.some(function(n3) {
        n3.call(r5);
      });
    } catch (t5) {
      n.__e(t5, r5.__v);
    }
  });
}
function F(t4, r4, u4, i4, f5, o5, e4, l4, c4, a5) {
  var s4, h5, y5, _4, k4, b4, m5, M2, $2 = u4.props || p, x3 = r4.props, C3 = r4.type;
  if ("svg" == C3 ? f5 = "http://www.w3.org/2000/svg" : "math" == C3 ? f5 = "http://www.w3.org/1998/Math/MathML" : f5 || (f5 = "http://www.w3.org/1999/xhtml"), o5) {
    for (s4 = 0; s4 < o5.length; s4++) if ((k4 = o5[s4]) && (C3 ? k4.localName == C3 : 3 == k4.nodeType)) {
      t4 = k4, o5[s4] = null;
      break;
    }
  }
  if (!t4) {
    if (M2 = a5.ownerDocument || document, !C3) return M2.createTextNode(x3);
    t4 = M2.createElementNS(f5, C3, x3.is ? x3 : a5), l4 && (n.__m && n.__m(r4, o5), l4 = false), o5 = null;
  }
  if (C3) {
    if (a5 = "template" == C3 && t4.content || t4, o5 = "textarea" == C3 && null != x3.defaultValue ? null : o5 && d.call(a5.childNodes), !l4 && o5) for ($2 = {}, s4 = 0; s4 < t4.attributes.length; s4++) $2[(k4 = t4.attributes[s4]).name] = k4.value;
    for (s4 in $2) k4 = $2[s4], "dangerouslySetInnerHTML" == s4 ? y5 = k4 : "children" == s4 || s4 in x3 || "value" == s4 && "defaultValue" in x3 || "checked" == s4 && "defaultChecked" in x3 || N(t4, s4, null, k4, f5);
    for (s4 in x3) k4 = x3[s4], "children" == s4 ? _4 = k4 : "dangerouslySetInnerHTML" == s4 ? h5 = k4 : "value" == s4 ? b4 = k4 : "checked" == s4 ? m5 = k4 : l4 && "function" != typeof k4 || $2[s4] === k4 || N(t4, s4, k4, $2[s4], f5);
    h5 ? (l4 || y5 && (h5.__html == y5.__html || h5.__html == t4.innerHTML) || (t4.innerHTML = h5.__html), r4.__k = []) : (y5 && (t4.textContent = ""), ("foreignObject" == C3 || "http://www.w3.org/1998/Math/MathML" == f5 && v.test(C3)) && (f5 = "http://www.w3.org/1999/xhtml"), I(a5, w(_4) ? _4 : [_4], r4, u4, i4, f5, o5, e4, o5 ? o5[0] : u4.__k && S(u4, 0), l4, c4), o5 && o5.some(g)), l4 && "textarea" != C3 || (s4 = "value", "progress" == C3 && null == b4 ? t4.removeAttribute(s4) : null == b4 || b4 === t4[s4] && ("progress" != C3 || b4) || N(t4, s4, b4, $2[s4], f5), s4 = "checked", null != m5 && m5 != t4[s4] && N(t4, s4, m5, $2[s4], f5));
  } else $2 === x3 || l4 && t4.data == x3 || (t4.data = x3);
  return t4;
}
function G(t4, r4, u4, i4) {
  try {
    "function" == typeof t4 ? r4 ? r4.__x = t4(r4) || 1 : i4 && (i4 = i4.__c || i4.__e) && (r4 = i4.__x) && (i4.__x = null, "function" == typeof r4 ? r4() : t4(null)) : t4.current = r4;
  } catch (t5) {
    n.__e(t5, u4);
  }
}
function J(t4, r4, u4) {
  var i4, f5, o5, e4;
  if (n.unmount && n.unmount(t4), !(i4 = t4.ref) || i4.current && i4.current != t4.__e || G(i4, null, r4, t4), i4 = t4.__c) {
    if (i4.componentWillUnmount) try {
      i4.componentWillUnmount();
    } catch (t5) {
      n.__e(t5, r4);
    }
    i4.__P = i4.__n = null;
  }
  if (i4 = t4.__k) for (e4 = 0; e4 < i4.length; e4++) i4[e4] && J(i4[e4], r4, "function" != typeof t4.type || u4 && !t4.props.__P);
  !u4 && (i4 = t4.__c) && (i4 = i4.__z) && (f5 = B(i4, o5 = [])) && (i4 == t4.__e && o5.some(g), g(f5), g(i4)), u4 || g(t4.__e), t4.__e = t4.__c = t4.__ = null;
}
function K(n3, t4, r4) {
  return this.constructor(n3, r4);
}
function Q(t4, r4) {
  var u4, i4, f5, o5;
  n.__ && n.__(t4, r4), 9 == r4.nodeType && (r4 = r4.documentElement), i4 = (u4 = t4 && 32 & t4.__u) ? null : r4.__k, r4.__k = m($, { children: [t4] }), f5 = [], o5 = [], z(r4, r4.__k, i4 || p, p, r4.namespaceURI, i4 ? null : r4.firstChild ? d.call(r4.childNodes) : null, f5, i4 ? i4.__e : r4.firstChild, u4, o5), E(f5, r4.__k, o5), r4.__k.props.children = null;
}
n = { __e: function(n3, t4, r4, u4) {
  for (var i4, o5, e4; t4 = t4.__; ) if ((i4 = t4.__c) && !(1 & i4.__g)) {
    i4.__g |= 4;
    try {
      if ((e4 = (o5 = i4.constructor) && o5.getDerivedStateFromError) && i4.setState(o5.getDerivedStateFromError(n3)), i4.componentDidCatch && (i4.componentDidCatch(n3, u4 || {}), e4 = 1), e4 && 8 & i4.__g) return void (i4.__g |= 2);
    } catch (t5) {
      n3 = t5;
    }
  }
  throw f = 0, n3;
} }, t = 0, r = function(n3) {
  return null != n3 && n3.constructor === h;
}, x.prototype.setState = function(n3, t4) {
  var r4 = this.__s;
  r4 && r4 != this.state || (r4 = this.__s = _({}, this.state)), "function" == typeof n3 && (n3 = n3(_({}, r4), this.props)), n3 && (_(r4, n3), this.__v && (t4 && this.__k.push(t4), L(this)));
}, x.prototype.forceUpdate = function(n3) {
  this.__v && (this.__g |= 4, n3 && this.__h.push(n3), L(this));
}, x.prototype.render = $, u = [], f = 0, o = function(n3, t4) {
  return n3.__v.__b - t4.__v.__b;
}, e = /* @__PURE__ */ Symbol(), l = /(PointerCapture)$|Capture$/i, c = 0, a = {}, s = 0;

// node_modules/preact/hooks/dist/hooks.mjs
var t2;
var r2;
var u2;
var i2;
var o2 = Object.is;
var f2 = 0;
var c2 = [];
var e2 = [];
var a2 = n;
var v2 = a2.__b;
var l2 = a2.__r;
var m2 = a2.diffed;
var h2 = a2.__c;
var s2 = a2.unmount;
var p2 = a2.__;
function y2(n3, t4) {
  a2.__h && a2.__h(r2, n3, f2 || t4), f2 = 0;
  var u4 = r2.__H || (r2.__H = { __: [], __h: [] });
  return n3 >= u4.__.length && u4.__.push({}), u4.__[n3];
}
function d2(n3) {
  return f2 = 1, _2(G2, n3);
}
function _2(n3, u4, i4) {
  var f5 = y2(t2++, 2);
  if (f5.t = n3, !f5.__c && (f5.__ = [i4 ? i4(u4) : G2(void 0, u4), function(n4) {
    var t4 = (f5.__N || f5.__)[0], r4 = f5.t(t4, n4);
    o2(t4, r4) || (f5.__N = [r4, f5.__[1]], f5.__c.setState({}));
  }], f5.__c = r2, !r2.__f)) {
    r2.__f = true;
    var c4 = r2.shouldComponentUpdate;
    r2.shouldComponentUpdate = function(n4, t4, r4) {
      var u5 = this.__H;
      if (!u5) return true;
      var i5 = false, f6 = this.props != n4;
      if (u5.__.some(function(n5) {
        n5.__N && (i5 = true, o2(n5.__[0], n5.__N[0]) || (f6 = true));
      }), c4) {
        var e4 = c4.call(this, n4, t4, r4);
        return i5 ? e4 || f6 : e4;
      }
      return !i5 || f6;
    };
  }
  return f5.__;
}
function A2(n3, u4) {
  var i4 = y2(t2++, 3);
  !a2.__s && E2(i4.__H, u4) && (i4.__P = true, i4.__ = n3, i4.u = u4, r2.__H.__h.push(i4));
}
function F2(n3, u4) {
  var i4 = y2(t2++, 4);
  !a2.__s && E2(i4.__H, u4) && (i4.__P = false, i4.__ = n3, i4.u = u4, r2.__h.push(i4));
}
function T2(n3) {
  return f2 = 5, w2(function() {
    return { current: n3 };
  }, []);
}
function w2(n3, r4) {
  var u4 = y2(t2++, 7);
  return E2(u4.__H, r4) && (u4.__ = n3(), u4.__H = r4), u4.__;
}
function b(n3, t4) {
  return f2 = 8, w2(function() {
    return n3;
  }, t4);
}
function P2() {
  var n3 = y2(t2++, 11);
  if (!n3.__) {
    for (var u4 = r2.__v; !u4.__m && u4.__; ) u4 = u4.__;
    var i4 = u4.__m || (u4.__m = [0, 0]);
    n3.__ = "P" + i4[0] + "-" + i4[1]++;
  }
  return n3.__;
}
function g2() {
  var n3;
  do {
    for (; n3 = e2.shift(); ) try {
      C2(n3);
    } catch (t5) {
      a2.__e(t5, { __: (n3 = n3.__P) && n3.__v });
    }
    for (; n3 = c2.shift(); ) {
      var t4 = n3.__H;
      if (n3.__P && t4) try {
        t4.__h.some(C2), t4.__h.some(D2), t4.__h = [];
      } catch (r4) {
        t4.__h = [], a2.__e(r4, n3.__v);
      }
    }
  } while (e2.length);
}
a2.__b = function(n3) {
  r2 = null, v2 && v2(n3);
}, a2.__ = function(n3, t4) {
  n3 && t4.__k && t4.__k.__m && (n3.__m = t4.__k.__m), p2 && p2(n3, t4);
}, a2.__r = function(n3) {
  l2 && l2(n3), t2 = 0;
  var i4 = (r2 = n3.__c).__H;
  i4 && (u2 == r2 ? r2.__h = [] : (i4.__h.some(C2), i4.__h.some(D2), t2 = 0), i4.__h = [], i4.__.some(function(n4) {
    n4.__N && (n4.__ = n4.__N), n4.u = n4.__N = void 0;
  })), u2 = r2;
}, a2.diffed = function(n3) {
  m2 && m2(n3);
  var t4 = n3.__c;
  t4 && t4.__H && (t4.__H.__h.length && B2(c2.push(t4)), t4.__H.__.some(function(n4) {
    n4.u && (n4.__H = n4.u);
  })), u2 = r2 = null;
}, a2.__c = function(n3, t4) {
  t4.some(function(n4) {
    try {
      n4.__h.some(C2), n4.__h = n4.__h.filter(function(n5) {
        return !n5.__ || D2(n5);
      });
    } catch (t5) {
      n4.__h = [function() {
        throw t5;
      }];
    }
  }), h2 && h2(n3, t4);
}, a2.unmount = function(n3) {
  s2 && s2(n3);
  var t4, r4, u4 = n3.__c;
  u4 && u4.__H && (u4.__H.__.some(function(u5) {
    try {
      if (u5.__P && u5.__c) {
        if (void 0 === r4) {
          for (r4 = n3.__; r4 && (!r4.__c || !r4.__c.__P); ) r4 = r4.__;
          r4 = r4 && r4.__c;
        }
        u5.__P = r4, B2(e2.push(u5));
      } else C2(u5);
    } catch (n4) {
      t4 = n4;
    }
  }), u4.__H = void 0, t4 && a2.__e(t4, u4.__v));
};
var k2 = "function" == typeof requestAnimationFrame;
function z2(n3) {
  var t4, r4 = function() {
    clearTimeout(u4), k2 && cancelAnimationFrame(t4), setTimeout(n3);
  }, u4 = setTimeout(r4, 35);
  k2 && (t4 = requestAnimationFrame(r4));
}
function B2(n3) {
  1 != n3 && i2 == a2.requestAnimationFrame || ((i2 = a2.requestAnimationFrame) || z2)(g2);
}
function C2(n3) {
  var t4 = r2, u4 = n3.__c;
  "function" == typeof u4 && (n3.__c = void 0, u4()), r2 = t4;
}
function D2(n3) {
  var t4 = r2;
  n3.__c = n3.__(), r2 = t4;
}
function E2(n3, t4) {
  return !n3 || n3.length != t4.length || t4.some(function(t5, r4) {
    return !o2(t5, n3[r4]);
  });
}
function G2(n3, t4) {
  return "function" == typeof t4 ? t4(n3) : t4;
}

// node_modules/@preact/signals-core/dist/signals-core.module.js
var i3 = /* @__PURE__ */ Symbol.for("preact-signals");
function t3() {
  if (!(v3 > 1)) {
    var i4, t4 = false;
    !(function() {
      var i5 = c3;
      c3 = void 0;
      while (void 0 !== i5) {
        var t5 = i5.S;
        if (t5.v === i5.v) {
          for (var r5 = t5.t; void 0 !== r5; r5 = r5.x) if (r5.i === i5.i) r5.i = t5.i;
        }
        i5 = i5.o;
      }
    })();
    while (void 0 !== h3) {
      var r4 = h3;
      h3 = void 0;
      s3++;
      while (void 0 !== r4) {
        var n3 = r4.u;
        r4.u = void 0;
        r4.f &= -3;
        if (!(8 & r4.f) && w3(r4)) try {
          r4.c();
        } catch (r5) {
          if (!t4) {
            i4 = r5;
            t4 = true;
          }
        }
        r4 = n3;
      }
    }
    s3 = 0;
    v3--;
    if (t4) throw i4;
  } else v3--;
}
function r3(i4) {
  if (v3 > 0) return i4();
  u3 = ++e3;
  v3++;
  try {
    return i4();
  } finally {
    t3();
  }
}
var n2;
var o3 = void 0;
function f3(i4) {
  var t4 = o3, r4 = n2;
  o3 = void 0;
  n2 = void 0;
  try {
    return i4();
  } finally {
    o3 = t4;
    n2 = r4;
  }
}
var h3 = void 0;
var v3 = 0;
var s3 = 0;
var e3 = 0;
var u3 = 0;
var c3 = void 0;
var a3 = 0;
function d3(i4) {
  if (void 0 !== o3) {
    var t4 = i4.n;
    if (void 0 === t4 || t4.t !== o3) {
      t4 = { i: 0, S: i4, p: o3.s, n: void 0, t: o3, e: void 0, x: void 0, r: t4 };
      if (void 0 !== o3.s) o3.s.n = t4;
      o3.s = t4;
      i4.n = t4;
      if (32 & o3.f) i4.S(t4);
      return t4;
    } else if (-1 === t4.i) {
      t4.i = 0;
      if (void 0 !== t4.n) {
        t4.n.p = t4.p;
        if (void 0 !== t4.p) t4.p.n = t4.n;
        t4.p = o3.s;
        t4.n = void 0;
        o3.s.n = t4;
        o3.s = t4;
      }
      return t4;
    }
  }
}
function l3(i4, t4) {
  this.v = i4;
  this.i = 0;
  this.n = void 0;
  this.t = void 0;
  this.l = 0;
  this.W = null == t4 ? void 0 : t4.watched;
  this.Z = null == t4 ? void 0 : t4.unwatched;
  this.name = null == t4 ? void 0 : t4.name;
}
l3.prototype.brand = i3;
l3.prototype.h = function() {
  return true;
};
l3.prototype.S = function(i4) {
  var t4 = this, r4 = this.t;
  if (r4 !== i4 && void 0 === i4.e) {
    i4.x = r4;
    this.t = i4;
    if (void 0 !== r4) r4.e = i4;
    else f3(function() {
      var i5;
      null == (i5 = t4.W) || i5.call(t4);
    });
  }
};
l3.prototype.U = function(i4) {
  var t4 = this;
  if (void 0 !== this.t) {
    var r4 = i4.e, n3 = i4.x;
    if (void 0 !== r4) {
      r4.x = n3;
      i4.e = void 0;
    }
    if (void 0 !== n3) {
      n3.e = r4;
      i4.x = void 0;
    }
    if (i4 === this.t) {
      this.t = n3;
      if (void 0 === n3) f3(function() {
        var i5;
        null == (i5 = t4.Z) || i5.call(t4);
      });
    }
  }
};
l3.prototype.subscribe = function(i4) {
  var t4 = this;
  return x2(function() {
    var r4 = t4.value;
    f3(function() {
      return i4(r4);
    });
  }, { name: "sub" });
};
l3.prototype.valueOf = function() {
  return this.value;
};
l3.prototype.toString = function() {
  return this.value + "";
};
l3.prototype.toJSON = function() {
  return this.value;
};
l3.prototype.peek = function() {
  var i4 = this;
  return f3(function() {
    return i4.value;
  });
};
Object.defineProperty(l3.prototype, "value", { get: function() {
  var i4 = d3(this);
  if (void 0 !== i4) i4.i = this.i;
  return this.v;
}, set: function(i4) {
  if (i4 !== this.v) {
    if (s3 > 100) throw new Error("Cycle detected");
    !(function(i5) {
      if (0 !== v3 && 0 === s3) {
        if (i5.l !== u3) {
          i5.l = u3;
          c3 = { S: i5, v: i5.v, i: i5.i, o: c3 };
        }
      }
    })(this);
    this.v = i4;
    this.i++;
    a3++;
    v3++;
    try {
      for (var r4 = this.t; void 0 !== r4; r4 = r4.x) r4.t.N();
    } finally {
      t3();
    }
  }
} });
function y3(i4, t4) {
  return new l3(i4, t4);
}
function w3(i4) {
  for (var t4 = i4.s; void 0 !== t4; t4 = t4.n) if (t4.S.i !== t4.i || !t4.S.h() || t4.S.i !== t4.i) return true;
  return false;
}
function b2(i4) {
  for (var t4 = i4.s; void 0 !== t4; t4 = t4.n) {
    var r4 = t4.S.n;
    if (void 0 !== r4) t4.r = r4;
    t4.S.n = t4;
    t4.i = -1;
    if (void 0 === t4.n) {
      i4.s = t4;
      break;
    }
  }
}
function _3(i4) {
  var t4 = i4.s, r4 = void 0;
  while (void 0 !== t4) {
    var n3 = t4.p;
    if (-1 === t4.i) {
      t4.S.U(t4);
      if (void 0 !== n3) n3.n = t4.n;
      if (void 0 !== t4.n) t4.n.p = n3;
    } else r4 = t4;
    t4.S.n = t4.r;
    if (void 0 !== t4.r) t4.r = void 0;
    t4 = n3;
  }
  i4.s = r4;
}
function j2(i4, t4) {
  l3.call(this, void 0, t4);
  this.x = i4;
  this.s = void 0;
  this.g = a3 - 1;
  this.f = 4;
}
j2.prototype = new l3();
j2.prototype.h = function() {
  this.f &= -3;
  if (1 & this.f) return false;
  if (32 == (36 & this.f)) return true;
  this.f &= -5;
  if (this.g === a3) return true;
  this.g = a3;
  this.f |= 1;
  if (this.i > 0 && !w3(this)) {
    this.f &= -2;
    return true;
  }
  var i4 = o3;
  try {
    b2(this);
    o3 = this;
    var t4 = this.x();
    if (16 & this.f || this.v !== t4 || 0 === this.i) {
      this.v = t4;
      this.f &= -17;
      this.i++;
    }
  } catch (i5) {
    this.v = i5;
    this.f |= 16;
    this.i++;
  }
  o3 = i4;
  _3(this);
  this.f &= -2;
  return true;
};
j2.prototype.S = function(i4) {
  if (void 0 === this.t) {
    this.f |= 36;
    for (var t4 = this.s; void 0 !== t4; t4 = t4.n) t4.S.S(t4);
  }
  l3.prototype.S.call(this, i4);
};
j2.prototype.U = function(i4) {
  if (void 0 !== this.t) {
    l3.prototype.U.call(this, i4);
    if (void 0 === this.t) {
      this.f &= -33;
      for (var t4 = this.s; void 0 !== t4; t4 = t4.n) t4.S.U(t4);
    }
  }
};
j2.prototype.N = function() {
  if (!(2 & this.f)) {
    this.f |= 6;
    for (var i4 = this.t; void 0 !== i4; i4 = i4.x) i4.t.N();
  }
};
Object.defineProperty(j2.prototype, "value", { get: function() {
  if (1 & this.f) throw new Error("Cycle detected");
  var i4 = d3(this);
  this.h();
  if (void 0 !== i4) i4.i = this.i;
  if (16 & this.f) throw this.v;
  return this.v;
} });
function O(i4, t4) {
  return new j2(i4, t4);
}
function p3(i4) {
  var r4 = i4.j;
  i4.j = void 0;
  if ("function" == typeof r4) {
    v3++;
    var n3 = o3;
    o3 = void 0;
    try {
      r4();
    } catch (t4) {
      i4.f &= -2;
      i4.f |= 8;
      g3(i4);
      throw t4;
    } finally {
      o3 = n3;
      t3();
    }
  }
}
function g3(i4) {
  for (var t4 = i4.s; void 0 !== t4; t4 = t4.n) t4.S.U(t4);
  i4.x = void 0;
  i4.s = void 0;
  p3(i4);
}
function S2(i4) {
  if (o3 !== this) throw new Error("Out-of-order effect");
  _3(this);
  o3 = i4;
  this.f &= -2;
  try {
    if (8 & this.f) g3(this);
  } finally {
    t3();
  }
}
function m3(i4, t4) {
  this.x = i4;
  this.j = void 0;
  this.s = void 0;
  this.u = void 0;
  this.f = 32;
  this.name = null == t4 ? void 0 : t4.name;
  if (n2) n2.push(this);
}
m3.prototype.c = function() {
  var i4 = this.S();
  try {
    if (8 & this.f) return;
    if (void 0 === this.x) return;
    var t4 = this.x();
    if ("function" == typeof t4) this.j = t4;
  } finally {
    i4();
  }
};
m3.prototype.S = function() {
  if (1 & this.f) throw new Error("Cycle detected");
  this.f |= 1;
  this.f &= -9;
  p3(this);
  b2(this);
  v3++;
  var i4 = o3;
  o3 = this;
  return S2.bind(this, i4);
};
m3.prototype.N = function() {
  if (!(2 & this.f)) {
    this.f |= 2;
    this.u = h3;
    h3 = this;
  }
};
m3.prototype.d = function() {
  this.f |= 8;
  if (!(1 & this.f)) g3(this);
};
m3.prototype.dispose = function() {
  this.d();
};
function x2(i4, t4) {
  var r4 = new m3(i4, t4);
  try {
    r4.c();
  } catch (i5) {
    r4.d();
    throw i5;
  }
  var n3 = r4.d.bind(r4);
  n3[Symbol.dispose] = n3;
  return n3;
}

// node_modules/@preact/signals/dist/signals.module.js
var h4;
var d4;
var p4;
var m4 = "undefined" != typeof window && !!window.__PREACT_SIGNALS_DEVTOOLS__;
var g4 = [];
x2(function() {
  h4 = this.N;
})();
function b3(i4, n3) {
  n[i4] = n3.bind(null, n[i4] || function() {
  });
}
function y4(i4) {
  if (p4) {
    var n3 = p4;
    p4 = void 0;
    n3();
  }
  p4 = i4 && i4.S();
}
function w4(i4) {
  var n3 = this, r4 = i4.data, t4 = useSignal(r4);
  t4.name = "ReactiveDom";
  t4.value = r4;
  var e4 = w2(function() {
    var i5 = n3, r5 = n3.__v;
    while (r5 = r5.__) if (r5.__c) {
      r5.__c.__$f |= 4;
      break;
    }
    var o5 = O(function() {
      var i6 = t4.value.value;
      return 0 === i6 ? 0 : true === i6 ? "" : i6 || "";
    }), e5 = O(function() {
      return !Array.isArray(o5.value) && !r(o5.value);
    }), u5 = x2(function() {
      this.N = M;
      if (e5.value) {
        var n4 = o5.value;
        if (i5.__v && i5.__v.__e && 3 === i5.__v.__e.nodeType) i5.__v.__e.data = n4;
      }
    }), c5 = n3.__$u.d;
    n3.__$u.d = function() {
      u5();
      c5.call(this);
    };
    return [e5, o5];
  }, []), u4 = e4[0], c4 = e4[1];
  return u4.value ? c4.peek() : c4.value;
}
w4.displayName = "ReactiveTextNode";
Object.defineProperties(l3.prototype, { constructor: { configurable: true, value: k($, null).constructor }, type: { configurable: true, value: w4 }, props: { configurable: true, get: function() {
  var i4 = this;
  return { data: { get value() {
    return i4.value;
  } } };
} }, __b: { configurable: true, value: 1 } });
b3("__b", function(i4, n3) {
  y4();
  d4 = void 0;
  if ("string" == typeof n3.type) {
    var r4, t4 = n3.props;
    for (var f5 in t4) if ("children" !== f5) {
      var o5 = t4[f5];
      if (o5 instanceof l3) {
        if (!r4) n3.__np = r4 = {};
        r4[f5] = o5;
        t4[f5] = o5.peek();
      }
    }
  }
  i4(n3);
});
b3("__r", function(i4, r4) {
  i4(r4);
  if (r4.type !== $) {
    y4();
    var t4, f5 = r4.__c;
    if (f5) {
      f5.__$f &= -2;
      if (void 0 === (t4 = f5.__$u)) f5.__$u = t4 = (function(i5, n3) {
        var r5;
        x2(function() {
          r5 = this;
        }, { name: n3 });
        r5.c = i5;
        return r5;
      })(/* @__PURE__ */ (function(i5) {
        return function() {
          var n3;
          if (m4) null == (n3 = this.y) || n3.call(this);
          i5.__$f |= 1;
          i5.setState({});
        };
      })(f5), "function" == typeof r4.type ? r4.type.displayName || r4.type.name : "");
    }
    d4 = f5;
    y4(t4);
  }
});
b3("__e", function(i4, n3, r4, t4) {
  y4();
  d4 = void 0;
  i4(n3, r4, t4);
});
b3("diffed", function(i4, n3) {
  y4();
  d4 = void 0;
  var r4;
  if ("string" == typeof n3.type && (r4 = n3.__e)) {
    var t4 = n3.__np, f5 = n3.props, o5 = r4.U;
    if (o5) for (var e4 in o5) {
      var u4 = o5[e4];
      if (!(void 0 === u4 || t4 && e4 in t4)) {
        u4.d();
        o5[e4] = void 0;
      }
    }
    if (t4) {
      if (!o5) {
        o5 = {};
        r4.U = o5;
      }
      for (var a5 in t4) {
        var c4 = o5[a5], v4 = t4[a5];
        if (void 0 === c4) {
          c4 = k3(r4, a5, v4, f5);
          o5[a5] = c4;
        } else c4.o(v4, f5);
      }
    }
  }
  i4(n3);
});
function k3(i4, n3, r4, t4) {
  var f5 = n3 in i4 && void 0 === i4.ownerSVGElement, o5 = y3(r4);
  return { o: function(i5, n4) {
    o5.value = i5;
    t4 = n4;
  }, d: x2(function() {
    this.N = M;
    var r5 = o5.value.value;
    if (t4[n3] !== r5) {
      t4[n3] = r5;
      if (f5) i4[n3] = r5;
      else if (null != r5 && (false !== r5 || "-" === n3[4])) i4.setAttribute(n3, r5);
      else i4.removeAttribute(n3);
    }
  }) };
}
b3("unmount", function(i4, n3) {
  if ("string" == typeof n3.type) {
    var r4 = n3.__e;
    if (r4) {
      var t4 = r4.U;
      if (t4) {
        r4.U = void 0;
        for (var f5 in t4) {
          var o5 = t4[f5];
          if (o5) o5.d();
        }
      }
    }
    var e4 = n3.__np;
    if (e4) {
      var u4 = n3.props;
      for (var a5 in e4) u4[a5] = e4[a5];
    }
    n3.__np = void 0;
  } else {
    var c4 = n3.__c;
    if (c4) {
      c4.__$f |= 8;
      var v4 = c4.__$u;
      if (v4) {
        c4.__$u = void 0;
        v4.d();
      }
    }
  }
  i4(n3);
});
b3("__h", function(i4, n3, r4, t4) {
  if (t4 < 3) n3.__$f |= 2;
  i4(n3, r4, t4);
});
x.prototype.shouldComponentUpdate = function(i4, n3) {
  if (this.__R) return true;
  var r4 = this.__$u, t4 = r4 && void 0 !== r4.s;
  for (var f5 in n3) return true;
  if (this.__f || "boolean" == typeof this.u && true === this.u) {
    var o5 = 2 & this.__$f;
    if (!(t4 || o5 || 4 & this.__$f)) return true;
    if (1 & this.__$f) return true;
  } else {
    if (!(t4 || 4 & this.__$f)) return true;
    if (3 & this.__$f) return true;
  }
  for (var e4 in i4) if ("__source" !== e4 && i4[e4] !== this.props[e4]) return true;
  for (var u4 in this.props) if (!(u4 in i4)) return true;
  return false;
};
function useSignal(i4, n3) {
  return w2(function() {
    return y3(i4, n3);
  }, []);
}
function useComputed(i4, n3) {
  var r4 = T2(i4);
  r4.current = i4;
  d4.__$f |= 4;
  return w2(function() {
    return O(function() {
      return r4.current();
    }, n3);
  }, []);
}
var A3 = function(i4) {
  queueMicrotask(function() {
    queueMicrotask(i4);
  });
};
function F3() {
  r3(function() {
    var i4;
    while (i4 = g4.shift()) h4.call(i4);
  });
}
function M() {
  if (1 === g4.push(this)) (n.requestAnimationFrame || A3)(F3);
}

// src/route.ts
var BASE = "/ui";
var place = y3(read());
function read() {
  const path = location.pathname.slice(BASE.length).replace(/\/+$/, "");
  return { path: path || "/", query: new URLSearchParams(location.search) };
}
function to(path, ...parts) {
  const encoded = parts.map((part2) => `/${encodeURIComponent(part2)}`);
  return BASE + path + encoded.join("");
}
function withQuery(url, query) {
  const given = Object.entries(query).filter(
    ([, value]) => value !== void 0 && value !== ""
  );
  const text = new URLSearchParams(
    given.map(([key, value]) => [key, String(value)])
  ).toString();
  return text ? `${url}?${text}` : url;
}
function go(url, { replace = false } = {}) {
  rememberScroll();
  if (replace) {
    history.replaceState(history.state, "", url);
  } else {
    history.pushState({ scroll: 0 }, "", url);
  }
  const before = place.value.path;
  place.value = read();
  if (before !== place.value.path) {
    window.scrollTo(0, 0);
  }
}
function setQuery(changes, { replace = true } = {}) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value) {
      query.set(name, value);
    } else {
      query.delete(name);
    }
  }
  const text = query.toString();
  go(location.pathname + (text ? `?${text}` : ""), { replace });
}
function rememberScroll() {
  history.replaceState({ ...history.state, scroll: window.scrollY }, "");
}
function restoreScroll(wanted) {
  const end = performance.now() + 2e3;
  const look2 = () => {
    window.scrollTo(0, wanted);
    if (window.scrollY < wanted - 1 && performance.now() < end) {
      requestAnimationFrame(look2);
    }
  };
  requestAnimationFrame(look2);
}
function startRouting() {
  history.scrollRestoration = "manual";
  let timer = 0;
  addEventListener("scroll", () => {
    clearTimeout(timer);
    timer = window.setTimeout(rememberScroll, 150);
  });
  addEventListener("popstate", (event) => {
    clearTimeout(timer);
    place.value = read();
    restoreScroll(event.state?.scroll ?? 0);
  });
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a");
    const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (!link || event.defaultPrevented || event.button !== 0 || !isPlain) {
      return;
    }
    const isPage = link.pathname === BASE || link.pathname.startsWith(`${BASE}/`);
    const isOurs = link.origin === location.origin && isPage;
    if (isOurs && !link.target && !link.hasAttribute("download")) {
      event.preventDefault();
      if (link.hash && link.pathname === location.pathname && link.search === location.search) {
        history.replaceState(history.state, "", link.href);
        document.getElementById(decodeURIComponent(link.hash.slice(1)))?.scrollIntoView();
      } else {
        go(link.href);
      }
    }
  });
  const scroll = history.state?.scroll;
  if (scroll) {
    restoreScroll(scroll);
  }
}
function matched(pattern, path) {
  const wanted = pattern.split("/");
  const given = path.split("/");
  const isOpen = wanted.at(-1) === "*";
  if (isOpen ? given.length < wanted.length - 1 : given.length !== wanted.length) {
    return null;
  }
  const found = {};
  for (const [index, part2] of wanted.entries()) {
    const value = given[index] ?? "";
    if (part2 === "*") {
      found.rest = given.slice(index).map(decoded).join("/");
    } else if (part2.startsWith(":")) {
      found[part2.slice(1)] = decoded(value);
    } else if (part2 !== value) {
      return null;
    }
  }
  return found;
}
function decoded(part2) {
  try {
    return decodeURIComponent(part2);
  } catch {
    return part2;
  }
}

// node_modules/openapi-fetch/dist/index.mjs
var PATH_PARAM_RE = /\{[^{}]+\}/g;
var supportsRequestInitExt = () => {
  return typeof process === "object" && Number.parseInt(process?.versions?.node?.substring(0, 2)) >= 18 && process.versions.undici;
};
function randomID() {
  return Math.random().toString(36).slice(2, 11);
}
function createClient(clientOptions) {
  let {
    baseUrl = "",
    Request: CustomRequest = globalThis.Request,
    fetch: baseFetch = globalThis.fetch,
    querySerializer: globalQuerySerializer,
    bodySerializer: globalBodySerializer,
    pathSerializer: globalPathSerializer,
    headers: baseHeaders,
    requestInitExt = void 0,
    ...baseOptions
  } = { ...clientOptions };
  requestInitExt = supportsRequestInitExt() ? requestInitExt : void 0;
  baseUrl = removeTrailingSlash(baseUrl);
  const globalMiddlewares = [];
  async function coreFetch(schemaPath, fetchOptions) {
    const {
      baseUrl: localBaseUrl,
      fetch: fetch2 = baseFetch,
      Request: Request2 = CustomRequest,
      headers,
      params = {},
      parseAs = "json",
      querySerializer: requestQuerySerializer,
      bodySerializer = globalBodySerializer ?? defaultBodySerializer,
      pathSerializer: requestPathSerializer,
      body,
      middleware: requestMiddlewares = [],
      ...init
    } = fetchOptions || {};
    let finalBaseUrl = baseUrl;
    if (localBaseUrl) {
      finalBaseUrl = removeTrailingSlash(localBaseUrl) ?? baseUrl;
    }
    let querySerializer = typeof globalQuerySerializer === "function" ? globalQuerySerializer : createQuerySerializer(globalQuerySerializer);
    if (requestQuerySerializer) {
      querySerializer = typeof requestQuerySerializer === "function" ? requestQuerySerializer : createQuerySerializer({
        ...typeof globalQuerySerializer === "object" ? globalQuerySerializer : {},
        ...requestQuerySerializer
      });
    }
    const pathSerializer = requestPathSerializer || globalPathSerializer || defaultPathSerializer;
    const serializedBody = body === void 0 ? void 0 : bodySerializer(
      body,
      // Note: we declare mergeHeaders() both here and below because it’s a bit of a chicken-or-egg situation:
      // bodySerializer() needs all headers so we aren’t dropping ones set by the user, however,
      // the result of this ALSO sets the lowest-priority content-type header. So we re-merge below,
      // setting the content-type at the very beginning to be overwritten.
      // Lastly, based on the way headers work, it’s not a simple “present-or-not” check becauase null intentionally un-sets headers.
      mergeHeaders(baseHeaders, headers, params.header)
    );
    const finalHeaders = mergeHeaders(
      // with no body, we should not to set Content-Type
      serializedBody === void 0 || // if serialized body is FormData; browser will correctly set Content-Type & boundary expression
      serializedBody instanceof FormData ? {} : {
        "Content-Type": "application/json"
      },
      baseHeaders,
      headers,
      params.header
    );
    const finalMiddlewares = [...globalMiddlewares, ...requestMiddlewares];
    const requestInit = {
      redirect: "follow",
      ...baseOptions,
      ...init,
      body: serializedBody,
      headers: finalHeaders
    };
    let id;
    let options;
    let request = new Request2(
      createFinalURL(schemaPath, { baseUrl: finalBaseUrl, params, querySerializer, pathSerializer }),
      requestInit
    );
    let response;
    for (const key in init) {
      if (!(key in request)) {
        request[key] = init[key];
      }
    }
    if (finalMiddlewares.length) {
      id = randomID();
      options = Object.freeze({
        baseUrl: finalBaseUrl,
        fetch: fetch2,
        parseAs,
        querySerializer,
        bodySerializer,
        pathSerializer
      });
      for (const m5 of finalMiddlewares) {
        if (m5 && typeof m5 === "object" && typeof m5.onRequest === "function") {
          const result = await m5.onRequest({
            request,
            schemaPath,
            params,
            options,
            id
          });
          if (result) {
            if (result instanceof Request2) {
              request = result;
            } else if (result instanceof Response) {
              response = result;
              break;
            } else {
              throw new Error("onRequest: must return new Request() or Response() when modifying the request");
            }
          }
        }
      }
    }
    if (!response) {
      try {
        response = await fetch2(request, requestInitExt);
      } catch (error2) {
        let errorAfterMiddleware = error2;
        if (finalMiddlewares.length) {
          for (let i4 = finalMiddlewares.length - 1; i4 >= 0; i4--) {
            const m5 = finalMiddlewares[i4];
            if (m5 && typeof m5 === "object" && typeof m5.onError === "function") {
              const result = await m5.onError({
                request,
                error: errorAfterMiddleware,
                schemaPath,
                params,
                options,
                id
              });
              if (result) {
                if (result instanceof Response) {
                  errorAfterMiddleware = void 0;
                  response = result;
                  break;
                }
                if (result instanceof Error) {
                  errorAfterMiddleware = result;
                  continue;
                }
                throw new Error("onError: must return new Response() or instance of Error");
              }
            }
          }
        }
        if (errorAfterMiddleware) {
          throw errorAfterMiddleware;
        }
      }
      if (finalMiddlewares.length) {
        for (let i4 = finalMiddlewares.length - 1; i4 >= 0; i4--) {
          const m5 = finalMiddlewares[i4];
          if (m5 && typeof m5 === "object" && typeof m5.onResponse === "function") {
            const result = await m5.onResponse({
              request,
              response,
              schemaPath,
              params,
              options,
              id
            });
            if (result) {
              if (!(result instanceof Response)) {
                throw new Error("onResponse: must return new Response() when modifying the response");
              }
              response = result;
            }
          }
        }
      }
    }
    const contentLength = response.headers.get("Content-Length");
    if (response.status === 204 || request.method === "HEAD" || contentLength === "0" && !response.headers.get("Transfer-Encoding")?.includes("chunked")) {
      return response.ok ? { data: void 0, response } : { error: void 0, response };
    }
    if (response.ok) {
      const getResponseData = async () => {
        if (parseAs === "stream") {
          return response.body;
        }
        if (parseAs === "json" && !contentLength) {
          const raw = await response.text();
          return raw ? JSON.parse(raw) : void 0;
        }
        return await response[parseAs]();
      };
      return { data: await getResponseData(), response };
    }
    let error = await response.text();
    try {
      error = JSON.parse(error);
    } catch {
    }
    return { error, response };
  }
  return {
    request(method, url, init) {
      return coreFetch(url, { ...init, method: method.toUpperCase() });
    },
    /** Call a GET endpoint */
    GET(url, init) {
      return coreFetch(url, { ...init, method: "GET" });
    },
    /** Call a PUT endpoint */
    PUT(url, init) {
      return coreFetch(url, { ...init, method: "PUT" });
    },
    /** Call a POST endpoint */
    POST(url, init) {
      return coreFetch(url, { ...init, method: "POST" });
    },
    /** Call a DELETE endpoint */
    DELETE(url, init) {
      return coreFetch(url, { ...init, method: "DELETE" });
    },
    /** Call a OPTIONS endpoint */
    OPTIONS(url, init) {
      return coreFetch(url, { ...init, method: "OPTIONS" });
    },
    /** Call a HEAD endpoint */
    HEAD(url, init) {
      return coreFetch(url, { ...init, method: "HEAD" });
    },
    /** Call a PATCH endpoint */
    PATCH(url, init) {
      return coreFetch(url, { ...init, method: "PATCH" });
    },
    /** Call a TRACE endpoint */
    TRACE(url, init) {
      return coreFetch(url, { ...init, method: "TRACE" });
    },
    /** Register middleware */
    use(...middleware) {
      for (const m5 of middleware) {
        if (!m5) {
          continue;
        }
        if (typeof m5 !== "object" || !("onRequest" in m5 || "onResponse" in m5 || "onError" in m5)) {
          throw new Error("Middleware must be an object with one of `onRequest()`, `onResponse() or `onError()`");
        }
        globalMiddlewares.push(m5);
      }
    },
    /** Unregister middleware */
    eject(...middleware) {
      for (const m5 of middleware) {
        const i4 = globalMiddlewares.indexOf(m5);
        if (i4 !== -1) {
          globalMiddlewares.splice(i4, 1);
        }
      }
    }
  };
}
function serializePrimitiveParam(name, value, options) {
  if (value === void 0 || value === null) {
    return "";
  }
  if (typeof value === "object") {
    throw new Error(
      "Deeply-nested arrays/objects aren’t supported. Provide your own `querySerializer()` to handle these."
    );
  }
  return `${name}=${options?.allowReserved === true ? value : encodeURIComponent(value)}`;
}
function serializeObjectParam(name, value, options) {
  if (!value || typeof value !== "object") {
    return "";
  }
  const values = [];
  const joiner = {
    simple: ",",
    label: ".",
    matrix: ";"
  }[options.style] || "&";
  if (options.style !== "deepObject" && options.explode === false) {
    for (const k4 in value) {
      values.push(k4, options.allowReserved === true ? value[k4] : encodeURIComponent(value[k4]));
    }
    const final2 = values.join(",");
    switch (options.style) {
      case "form": {
        return `${name}=${final2}`;
      }
      case "label": {
        return `.${final2}`;
      }
      case "matrix": {
        return `;${name}=${final2}`;
      }
      default: {
        return final2;
      }
    }
  }
  for (const k4 in value) {
    const finalName = options.style === "deepObject" ? `${name}[${k4}]` : k4;
    values.push(serializePrimitiveParam(finalName, value[k4], options));
  }
  const final = values.join(joiner);
  return options.style === "label" || options.style === "matrix" ? `${joiner}${final}` : final;
}
function serializeArrayParam(name, value, options) {
  if (!Array.isArray(value)) {
    return "";
  }
  if (options.explode === false) {
    const joiner2 = { form: ",", spaceDelimited: "%20", pipeDelimited: "|" }[options.style] || ",";
    const final = (options.allowReserved === true ? value : value.map((v4) => encodeURIComponent(v4))).join(joiner2);
    switch (options.style) {
      case "simple": {
        return final;
      }
      case "label": {
        return `.${final}`;
      }
      case "matrix": {
        return `;${name}=${final}`;
      }
      // case "spaceDelimited":
      // case "pipeDelimited":
      default: {
        return `${name}=${final}`;
      }
    }
  }
  const joiner = { simple: ",", label: ".", matrix: ";" }[options.style] || "&";
  const values = [];
  for (const v4 of value) {
    if (options.style === "simple" || options.style === "label") {
      values.push(options.allowReserved === true ? v4 : encodeURIComponent(v4));
    } else {
      values.push(serializePrimitiveParam(name, v4, options));
    }
  }
  return options.style === "label" || options.style === "matrix" ? `${joiner}${values.join(joiner)}` : values.join(joiner);
}
function createQuerySerializer(options) {
  return function querySerializer(queryParams) {
    const search = [];
    if (queryParams && typeof queryParams === "object") {
      for (const name in queryParams) {
        const value = queryParams[name];
        if (value === void 0 || value === null) {
          continue;
        }
        if (Array.isArray(value)) {
          if (value.length === 0) {
            continue;
          }
          search.push(
            serializeArrayParam(name, value, {
              style: "form",
              explode: true,
              ...options?.array,
              allowReserved: options?.allowReserved || false
            })
          );
          continue;
        }
        if (typeof value === "object") {
          search.push(
            serializeObjectParam(name, value, {
              style: "deepObject",
              explode: true,
              ...options?.object,
              allowReserved: options?.allowReserved || false
            })
          );
          continue;
        }
        search.push(serializePrimitiveParam(name, value, options));
      }
    }
    return search.join("&");
  };
}
function defaultPathSerializer(pathname, pathParams) {
  let nextURL = pathname;
  for (const match of pathname.match(PATH_PARAM_RE) ?? []) {
    let name = match.substring(1, match.length - 1);
    let explode = false;
    let style = "simple";
    if (name.endsWith("*")) {
      explode = true;
      name = name.substring(0, name.length - 1);
    }
    if (name.startsWith(".")) {
      style = "label";
      name = name.substring(1);
    } else if (name.startsWith(";")) {
      style = "matrix";
      name = name.substring(1);
    }
    if (!pathParams || pathParams[name] === void 0 || pathParams[name] === null) {
      continue;
    }
    const value = pathParams[name];
    if (Array.isArray(value)) {
      nextURL = nextURL.replace(match, serializeArrayParam(name, value, { style, explode }));
      continue;
    }
    if (typeof value === "object") {
      nextURL = nextURL.replace(match, serializeObjectParam(name, value, { style, explode }));
      continue;
    }
    if (style === "matrix") {
      nextURL = nextURL.replace(match, `;${serializePrimitiveParam(name, value)}`);
      continue;
    }
    nextURL = nextURL.replace(match, style === "label" ? `.${encodeURIComponent(value)}` : encodeURIComponent(value));
  }
  return nextURL;
}
function defaultBodySerializer(body, headers) {
  if (body instanceof FormData) {
    return body;
  }
  if (headers) {
    const contentType = headers.get instanceof Function ? headers.get("Content-Type") ?? headers.get("content-type") : headers["Content-Type"] ?? headers["content-type"];
    if (contentType === "application/x-www-form-urlencoded") {
      return new URLSearchParams(body).toString();
    }
  }
  return JSON.stringify(body);
}
function createFinalURL(pathname, options) {
  let finalURL = `${options.baseUrl}${pathname}`;
  if (options.params?.path) {
    finalURL = options.pathSerializer(finalURL, options.params.path);
  }
  let search = options.querySerializer(options.params.query ?? {});
  if (search.startsWith("?")) {
    search = search.substring(1);
  }
  if (search) {
    finalURL += `?${search}`;
  }
  return finalURL;
}
function mergeHeaders(...allHeaders) {
  const finalHeaders = new Headers();
  for (const h5 of allHeaders) {
    if (!h5 || typeof h5 !== "object") {
      continue;
    }
    const iterator = h5 instanceof Headers ? h5.entries() : Object.entries(h5);
    for (const [k4, v4] of iterator) {
      if (v4 === null) {
        finalHeaders.delete(k4);
      } else if (Array.isArray(v4)) {
        for (const v22 of v4) {
          finalHeaders.append(k4, v22);
        }
      } else if (v4 !== void 0) {
        finalHeaders.set(k4, v4);
      }
    }
  }
  return finalHeaders;
}
function removeTrailingSlash(url) {
  if (url.endsWith("/")) {
    return url.substring(0, url.length - 1);
  }
  return url;
}

// src/api.ts
var ProblemError = class extends Error {
  constructor(status, title, detail, problems = [], requestId = "") {
    super(detail);
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.problems = problems;
    this.requestId = requestId;
  }
  status;
  title;
  detail;
  problems;
  requestId;
};
var connection = y3({
  isUp: true,
  since: Date.now()
});
var me = y3(null);
var api = createClient({ fetch: (request) => observed(request) });
async function observed(request) {
  try {
    const response = await fetch(request);
    connection.value = { isUp: true, since: Date.now() };
    if (response.status === 401) {
      toLogin();
    }
    return response;
  } catch (error) {
    if (!request.signal.aborted) {
      connection.value = { isUp: false, since: connection.value.since };
    }
    throw error;
  }
}
function toLogin() {
  const login = to("/login");
  if (location.pathname !== login) {
    const next = location.pathname + location.search;
    go(`${login}?next=${encodeURIComponent(next)}`, { replace: true });
  }
}
async function ask(answer) {
  const { data, error, response } = await answer.catch((cause) => {
    throw asProblem(cause);
  });
  if (!response.ok) {
    throw problemOf(response, error);
  }
  return data;
}
function problemOf(response, body) {
  const told = typeof body === "object" && body ? body : {};
  return new ProblemError(
    response.status,
    told.title ?? response.statusText,
    told.detail ?? `the server answered ${response.status} without a reason`,
    told.problems ?? [],
    response.headers.get("x-request-id") ?? ""
  );
}
function asProblem(cause) {
  if (cause instanceof ProblemError || cause instanceof Error && cause.name === "AbortError") {
    return cause;
  }
  const words = "The server does not answer. This page tries again by itself.";
  return new ProblemError(0, "No connection", words);
}
function problemIn(cause) {
  const problem = asProblem(cause);
  if (!(problem instanceof ProblemError)) {
    throw problem;
  }
  return problem;
}
async function loadMe() {
  me.value = await ask(api.GET("/api/v1/me"));
}
function may(scope) {
  return me.value?.allows.includes(scope) ?? false;
}

// src/live.ts
var EVENTS = [
  "deployment",
  "deployment-removed",
  "model",
  "model-removed",
  "alias",
  "file",
  "job",
  "reload"
];
var isLive = y3(false);
var listeners = /* @__PURE__ */ new Set();
var isListening = false;
var channel = new BroadcastChannel("hopsartifacts-events");
var FIRST_WAIT_MS = 500;
var LONGEST_WAIT_MS = 8e3;
function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
function receive(message) {
  if ("event" in message) {
    for (const listener of [...listeners]) {
      listener(message.event);
    }
  } else if ("isLive" in message) {
    isLive.value = message.isLive;
  } else if (isListening) {
    channel.postMessage({ isLive: isLive.value });
  }
}
function tell(message) {
  channel.postMessage(message);
  receive(message);
}
var isStarted = false;
function startLive() {
  if (isStarted) {
    return;
  }
  isStarted = true;
  channel.onmessage = ({ data }) => receive(data);
  channel.postMessage({ isAsking: true });
  void navigator.locks.request("hopsartifacts-events", async () => {
    isListening = true;
    let wait = FIRST_WAIT_MS;
    for (; ; ) {
      if (await streamed()) {
        wait = FIRST_WAIT_MS;
        tell({ event: { name: "reload", data: {} } });
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
      await api.GET("/api/v1/me").catch(() => void 0);
    }
  });
  connection.subscribe(({ isUp }) => {
    if (!isUp) {
      isLive.value = false;
    }
  });
}
function streamed() {
  return new Promise((resolve) => {
    const source = new EventSource("/api/v1/events");
    let hasBegun = false;
    source.onopen = () => {
      hasBegun = true;
      connection.value = { isUp: true, since: Date.now() };
      tell({ isLive: true });
    };
    for (const name of EVENTS) {
      source.addEventListener(
        name,
        ({ data }) => tell({ event: { name, data: JSON.parse(data) } })
      );
    }
    source.onerror = () => {
      source.close();
      tell({ isLive: false });
      resolve(hasBegun);
    };
  });
}

// src/load.ts
var TYPING_MS = 80;
var MOST_KEPT = 60;
var GATHER_MS = 120;
var RETRY_MS = 2e3;
var kept = /* @__PURE__ */ new Map();
function keep(key, data) {
  kept.delete(key);
  kept.set(key, data);
  const oldest = kept.keys().next().value;
  if (kept.size > MOST_KEPT && oldest !== void 0) {
    kept.delete(oldest);
  }
}
function forgetAll() {
  kept.clear();
}
function useLoad(key, read2, until = []) {
  const [, draw] = d2(0);
  const state = T2({
    key: null,
    isLoading: false
  });
  const latest = T2({ read: read2, until });
  latest.current = { read: read2, until };
  const stop = T2(() => void 0);
  if (state.current.key !== key) {
    state.current = { key, isLoading: key !== null };
  }
  const start = b(() => {
    stop.current();
    if (key === null) {
      return;
    }
    const control = new AbortController();
    let timer = 0;
    stop.current = () => {
      control.abort();
      clearTimeout(timer);
    };
    latest.current.read(control.signal).then((data2) => {
      if (!control.signal.aborted) {
        keep(key, data2);
      }
      return void 0;
    }, asProblem).then((problem) => {
      if (control.signal.aborted) {
        return;
      }
      const shown = problem instanceof ProblemError ? problem : void 0;
      if (problem && !shown) {
        throw problem;
      }
      state.current = { key, problem: shown, isLoading: false };
      if (shown?.status === 0 || shown?.status === 503) {
        timer = window.setTimeout(start, RETRY_MS);
      }
      draw((count2) => count2 + 1);
    });
  }, [key]);
  F2(() => {
    start();
    let timer = 0;
    const unlisten = listen((event) => {
      const { until: until2 } = latest.current;
      const isMeant = event.name === "reload" || (typeof until2 === "function" ? until2(event) : until2.includes(event.name));
      if (isMeant && !timer) {
        timer = window.setTimeout(() => {
          timer = 0;
          start();
        }, GATHER_MS);
      }
    });
    return () => {
      unlisten();
      clearTimeout(timer);
      stop.current();
    };
  }, [start]);
  const reload = b(() => {
    state.current = { ...state.current, isLoading: true };
    draw((count2) => count2 + 1);
    start();
  }, [start]);
  const set = b(
    (data2) => {
      if (key !== null) {
        keep(key, data2);
        draw((count2) => count2 + 1);
      }
    },
    [key]
  );
  const data = key === null ? void 0 : kept.get(key);
  return {
    data,
    problem: state.current.problem,
    isLoading: state.current.isLoading,
    reload,
    set
  };
}
var AGAIN_MS = 5e3;
function useAgain(loaded, isWanted, every = AGAIN_MS) {
  const { reload } = loaded;
  A2(() => {
    if (!isWanted) {
      return;
    }
    const timer = setInterval(() => document.hidden || reload(), every);
    return () => clearInterval(timer);
  }, [reload, isWanted, every]);
}
var FIRST = 50;
var MOST = 1e3;
function usePages(key, read2, until = []) {
  const [isReadingMore, setReadingMore] = d2(false);
  const latest = T2(read2);
  latest.current = read2;
  const loaded = useLoad(
    key,
    async (signal) => {
      const before = key === null ? void 0 : kept.get(key);
      const wanted = Math.max(FIRST, before?.items.length ?? 0);
      let page = await latest.current("", Math.min(wanted, MOST), signal);
      while (page.items.length < wanted && page.next) {
        const next = await latest.current(page.next, Math.min(wanted, MOST), signal);
        page = { ...next, items: [...page.items, ...next.items] };
      }
      return page;
    },
    until
  );
  const { data, set } = loaded;
  const more = b(() => {
    const cursor = data?.next;
    if (!cursor || isReadingMore) {
      return;
    }
    setReadingMore(true);
    latest.current(cursor, FIRST, new AbortController().signal).then(
      (next) => {
        if (key !== null && kept.get(key) === data) {
          set({ ...next, items: [...data.items, ...next.items] });
        }
      },
      () => loaded.reload()
    ).finally(() => setReadingMore(false));
  }, [key, data, set, isReadingMore, loaded.reload]);
  return { ...loaded, more, isReadingMore };
}

// src/words.ts
var UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
function bytes(count2) {
  let value = count2;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}
var WHOLE = new Intl.NumberFormat("en");
function count(value) {
  return WHOLE.format(value);
}
function many(value, one, more = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : more}`;
}
function metric(value) {
  if (value === null || value === void 0) {
    return "–";
  }
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) {
    return count(value);
  }
  return size !== 0 && (size >= 1e6 || size < 1e-4) ? value.toExponential(3) : String(Number(value.toPrecision(5)));
}
function duration(ms) {
  if (ms >= 6e4) {
    return `${Math.floor(ms / 6e4)} min ${Math.round(ms % 6e4 / 1e3)} s`;
  }
  if (ms >= 1e3) {
    return `${(ms / 1e3).toFixed(2)} s`;
  }
  return `${ms >= 100 ? Math.round(ms) : Number(ms.toPrecision(2))} ms`;
}
function timeLeft(seconds) {
  if (seconds < 60) {
    return "less than a minute left";
  }
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${many(minutes, "minute")} left` : `${many(Math.round(minutes / 60), "hour")} left`;
}
var now = y3(Date.now());
function startClock() {
  setInterval(() => {
    now.value = Date.now();
  }, 3e4);
}
var RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
var STEPS = [
  ["day", 864e5],
  ["hour", 36e5],
  ["minute", 6e4]
];
var DAY = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric"
});
var WEEK_MS = 7 * 864e5;
function relative(at) {
  const moment = new Date(at).getTime();
  const passed = moment - Math.max(now.value, 0);
  if (Math.abs(passed) > WEEK_MS) {
    return DAY.format(moment);
  }
  for (const [unit, size] of STEPS) {
    if (Math.abs(passed) >= size) {
      return RELATIVE.format(Math.trunc(passed / size), unit);
    }
  }
  return "just now";
}
function exact(at) {
  return new Date(at).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "long" });
}
function clock(at) {
  const moment = new Date(at);
  const time = moment.toLocaleTimeString("en-GB");
  return moment.toDateString() === (/* @__PURE__ */ new Date()).toDateString() ? time : `${DAY.format(moment)}, ${time}`;
}
function shortDigest(digest) {
  const [kind, hex] = digest.includes(":") ? digest.split(":") : ["", digest];
  return `${kind ? `${kind}:` : ""}${(hex ?? "").slice(0, 10)}…`;
}
function firstLine(text) {
  return text.split("\n", 1)[0] ?? "";
}
function sentence(text) {
  const full = /[.!?:]$/.test(text) ? text : `${text}.`;
  return full.replace(
    /^[a-z]+(?=[ ,])/,
    (word) => word.slice(0, 1).toUpperCase() + word.slice(1)
  );
}

// node_modules/preact/jsx-runtime/dist/jsxRuntime.mjs
var f4 = /* @__PURE__ */ Symbol.for("pv");
var o4 = 0;
function a4(t4, e4, n3, u4, a5, i4) {
  e4 || (e4 = {});
  var c4, l4, p5 = e4;
  if ("ref" in p5 && "function" != typeof t4) for (l4 in p5 = {}, e4) "ref" == l4 ? c4 = e4[l4] : p5[l4] = e4[l4];
  var s4 = { type: t4, props: p5, key: n3, ref: c4, __k: null, __: null, __b: 0, __e: null, __c: null, constructor: f4, __v: --o4, __i: -1, __u: 0 };
  return (a5 || i4) && (s4.__source = a5, s4.__self = i4), n.vnode && n.vnode(s4), s4;
}

// src/parts/Toast.tsx
var SHOWN_MS = { "": 6e3, bad: 2e4 };
var toasts = y3([]);
var last = 0;
function dismiss(id) {
  toasts.value = toasts.value.filter((it) => it.id !== id);
}
function toast(text, kind = "") {
  last += 1;
  const id = last;
  toasts.value = [...toasts.value.slice(-4), { id, text, kind }];
  setTimeout(() => dismiss(id), SHOWN_MS[kind]);
}
function Toasts() {
  return /* @__PURE__ */ a4("div", { class: "toasts", role: "status", "aria-live": "polite", children: toasts.value.map((it) => /* @__PURE__ */ a4("div", { class: `toast ${it.kind}`, children: [
    /* @__PURE__ */ a4("span", { children: it.text }),
    /* @__PURE__ */ a4(
      "button",
      {
        type: "button",
        class: "button quiet small",
        "aria-label": "Dismiss message",
        onClick: () => dismiss(it.id),
        children: "✕"
      }
    )
  ] }, it.id)) });
}

// src/parts/Action.tsx
function forbidden(scope) {
  if (!scope || !me.value || may(scope)) {
    return "";
  }
  if (me.value.read_only) {
    return "This server was started with --read-only: it shows the project and changes nothing.";
  }
  return `The key “${me.value.name}” does not allow this: it lacks the scope “${scope}”.`;
}
function Action(props) {
  const [isBusy, setBusy] = d2(false);
  const id = P2();
  const reason = props.disabledBy || forbidden(props.scope);
  const name = props.kind === "item" ? "menu-item" : `button ${props.kind ?? ""} ${props.small ? "small" : ""}`;
  if (props.href && !reason) {
    return /* @__PURE__ */ a4("a", { class: name, href: props.href, "aria-label": props.label, children: props.children });
  }
  const click = async (event) => {
    if (reason || isBusy) {
      event.preventDefault();
      if (reason) {
        toast(reason, "bad");
      }
      return;
    }
    const work = props.onClick?.();
    if (work instanceof Promise) {
      setBusy(true);
      try {
        await work;
      } catch (cause) {
        const problem = problemIn(cause);
        toast(sentence(problem.detail), "bad");
      } finally {
        setBusy(false);
      }
    }
  };
  return /* @__PURE__ */ a4($, { children: [
    /* @__PURE__ */ a4(
      "button",
      {
        type: props.type ?? "button",
        class: name,
        "aria-label": props.label,
        "aria-disabled": reason ? "true" : void 0,
        "aria-busy": isBusy,
        "aria-describedby": reason ? id : void 0,
        title: reason || void 0,
        onClick: (event) => void click(event),
        children: props.children
      }
    ),
    reason ? /* @__PURE__ */ a4("span", { id, class: "hidden", children: reason }) : null
  ] });
}

// src/parts/Text.tsx
function Time({ at }) {
  if (!at) {
    return /* @__PURE__ */ a4("span", { class: "muted", children: "–" });
  }
  return /* @__PURE__ */ a4("time", { dateTime: at, title: exact(at), children: relative(at) });
}
function By({ of }) {
  return /* @__PURE__ */ a4("span", { title: of, children: of.replace(/(@.+):\d+$/, "$1") });
}
function Size({ of }) {
  return /* @__PURE__ */ a4("span", { title: `${count(of)} bytes`, children: bytes(of) });
}
async function copy(text, what = "Copied") {
  try {
    await navigator.clipboard.writeText(text);
    toast(what);
  } catch {
    toast("This browser does not allow copying here: select the text and copy it", "bad");
  }
}
function Digest({ of }) {
  return /* @__PURE__ */ a4(
    "button",
    {
      type: "button",
      class: "digest mono",
      title: `${of} (copy)`,
      "aria-label": `Copy digest ${shortDigest(of)}`,
      onClick: () => void copy(of, "Digest copied"),
      children: shortDigest(of)
    }
  );
}
function Copy({ text, label = "Copy" }) {
  return /* @__PURE__ */ a4("button", { type: "button", class: "button small", onClick: () => void copy(text), children: label });
}
function Chip(props) {
  const name = `chip ${props.kind ?? ""}`;
  return props.href ? /* @__PURE__ */ a4("a", { class: name, href: props.href, children: props.children }) : /* @__PURE__ */ a4("span", { class: name, children: props.children });
}
function State(props) {
  return /* @__PURE__ */ a4($, { children: [
    /* @__PURE__ */ a4("span", { class: `state ${props.tone}`, children: props.word }),
    props.children ? /* @__PURE__ */ a4("div", { class: "sub", children: props.children }) : null
  ] });
}
function Note(props) {
  return /* @__PURE__ */ a4("div", { class: `note ${props.kind ?? ""}`, children: props.children });
}

// src/files.ts
function chosenIn(input) {
  return [...input.files ?? []].map((file) => ({
    file,
    name: file.webkitRelativePath || file.name
  }));
}
async function dropped(transfer) {
  const entries = [...transfer.items].filter((it) => it.kind === "file").map((it) => ({ entry: it.webkitGetAsEntry(), file: it.getAsFile() }));
  const found = [];
  for (const { entry, file } of entries) {
    if (entry) {
      await walk(entry, "", found);
    } else if (file) {
      found.push({ file, name: file.name });
    }
  }
  return found;
}
async function walk(entry, above, found) {
  const name = above + entry.name;
  if (entry.isFile) {
    const file = await new Promise(
      (resolve, reject) => entry.file(resolve, reject)
    );
    found.push({ file, name });
    return;
  }
  const reader = entry.createReader();
  for (; ; ) {
    const part2 = await new Promise(
      (resolve, reject) => reader.readEntries(resolve, reject)
    );
    if (!part2.length) {
      return;
    }
    for (const it of part2) {
      await walk(it, `${name}/`, found);
    }
  }
}

// src/parts/Dialog.tsx
function Dialog(props) {
  const dialog = T2(null);
  const id = P2();
  A2(() => {
    const shown = dialog.current;
    const before = document.activeElement;
    shown?.showModal();
    return () => {
      shown?.close();
      if (before instanceof HTMLElement && before.isConnected) {
        before.focus();
      }
    };
  }, []);
  return /* @__PURE__ */ a4(
    "dialog",
    {
      ref: dialog,
      class: props.isWide ? "wide" : "",
      "aria-labelledby": id,
      onCancel: (event) => {
        event.preventDefault();
        props.onClose();
      },
      children: [
        /* @__PURE__ */ a4("div", { class: "dialog-head", children: [
          /* @__PURE__ */ a4("h2", { id, children: props.title }),
          /* @__PURE__ */ a4(
            "button",
            {
              type: "button",
              class: "button quiet small",
              "aria-label": "Close",
              onClick: props.onClose,
              children: "✕"
            }
          )
        ] }),
        /* @__PURE__ */ a4("div", { class: "dialog-body", children: props.children }),
        props.footer ? /* @__PURE__ */ a4("div", { class: "dialog-foot", children: props.footer }) : null
      ]
    }
  );
}
function FormDialog(props) {
  const [failure, setFailure] = d2("");
  const [isBusy, setBusy] = d2(false);
  const isReady = props.isReady ?? true;
  const run2 = async (event) => {
    event.preventDefault();
    if (isBusy || !isReady) {
      return;
    }
    setBusy(true);
    setFailure("");
    try {
      await props.run();
      props.onClose();
    } catch (cause) {
      setFailure(asProblem(cause).message);
    } finally {
      setBusy(false);
    }
  };
  return /* @__PURE__ */ a4(Dialog, { title: props.title, onClose: props.onClose, isWide: props.isWide, children: /* @__PURE__ */ a4("form", { onSubmit: (event) => void run2(event), children: [
    props.children,
    /* @__PURE__ */ a4("div", { role: "alert", children: failure ? /* @__PURE__ */ a4(Note, { kind: "bad", children: failure }) : null }),
    /* @__PURE__ */ a4("div", { class: "dialog-foot", children: [
      /* @__PURE__ */ a4("button", { type: "button", class: "button", onClick: props.onClose, children: "Cancel" }),
      /* @__PURE__ */ a4(
        "button",
        {
          type: "submit",
          class: `button ${props.isDangerous ? "danger" : "primary"}`,
          disabled: !isReady,
          "aria-busy": isBusy,
          children: props.action
        }
      )
    ] })
  ] }) });
}
var question = y3(null);
function confirm(asked) {
  question.value = asked;
}
function Questions() {
  return question.value ? /* @__PURE__ */ a4(Asked, { asked: question.value }, question.value.title) : null;
}
function Asked({ asked }) {
  const [why, setWhy] = d2("");
  const [typed, setTyped] = d2("");
  const close2 = () => {
    if (question.value === asked) {
      question.value = null;
    }
  };
  return /* @__PURE__ */ a4(
    FormDialog,
    {
      title: asked.title,
      action: asked.action,
      isDangerous: asked.isDangerous,
      isWide: asked.isWide,
      isReady: !asked.typed || typed === asked.typed,
      run: () => asked.run(why.trim()),
      onClose: close2,
      children: [
        /* @__PURE__ */ a4("div", { children: asked.body }),
        asked.asksWhy ? /* @__PURE__ */ a4("label", { class: "field", children: [
          /* @__PURE__ */ a4("span", { children: [
            "Why ",
            /* @__PURE__ */ a4("span", { class: "muted", children: "· the history shows it" })
          ] }),
          /* @__PURE__ */ a4(
            "input",
            {
              class: "input",
              value: why,
              onInput: (event) => setWhy(event.currentTarget.value)
            }
          )
        ] }) : null,
        asked.typed ? /* @__PURE__ */ a4("label", { class: "field", children: [
          /* @__PURE__ */ a4("span", { children: [
            "Type ",
            /* @__PURE__ */ a4("b", { class: "mono", children: asked.typed }),
            " to confirm"
          ] }),
          /* @__PURE__ */ a4(
            "input",
            {
              class: "input",
              value: typed,
              autocomplete: "off",
              onInput: (event) => setTyped(event.currentTarget.value)
            }
          )
        ] }) : null
      ]
    }
  );
}

// src/jobs.ts
var LOOK_MS = 400;
var LONGEST_LOOK_MS = 8e3;
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
function isPassing(cause) {
  return cause instanceof ProblemError && [0, 401, 408, 429, 502, 503, 504].includes(cause.status);
}
async function ended(job, onProgress) {
  let now2 = job;
  let wait = LOOK_MS;
  while (now2.status === "running") {
    await pause(wait);
    try {
      now2 = await ask(api.GET("/api/v1/jobs/{id}", { params: { path: { id: job.id } } }));
      onProgress?.(now2);
      wait = LOOK_MS;
    } catch (cause) {
      if (!isPassing(cause)) {
        throw cause;
      }
      wait = Math.min(wait * 2, LONGEST_LOOK_MS);
    }
  }
  if (now2.status !== "done") {
    const { status = 409, detail = "The job was cancelled." } = now2.error ?? {};
    throw new ProblemError(status, "The job failed", detail);
  }
  return now2;
}

// src/uploads.ts
var PARALLEL = 3;
var FIRST_CHUNK = 1024 * 1024;
var MOST_CHUNK = 32 * 1024 * 1024;
var CHUNK_S = 1;
var LONGEST_WAIT_MS2 = 8e3;
var NO_LOGIN = 401;
var NOT_FOUND = 404;
var CONFLICT = 409;
var ACTIVE = ["waiting", "sending", "lost", "locked", "saving"];
var last2 = 0;
var Upload = class {
  constructor(file, name, path) {
    this.file = file;
    this.name = name;
    this.path = path;
    last2 += 1;
    this.key = last2;
  }
  file;
  name;
  path;
  key;
  stage = y3("waiting");
  sent = y3(0);
  /** Bytes per second, smoothed. */
  rate = y3(0);
  problem = y3("");
  id = "";
  overwrite = false;
  /** The files that were added while none was sent, and those added to them, are a batch. */
  batch = 0;
  mostChunk = MOST_CHUNK;
  control = new AbortController();
  get isActive() {
    return ACTIVE.includes(this.stage.value);
  }
};
var uploads = y3([]);
var ofProject = O(() => uploads.value.filter((it) => it.path !== null));
var active = O(() => uploads.value.filter((it) => it.isActive));
var FILE_BYTES = 1024 * 1024;
var MEASURED_MS = 2e4;
var FIRST_MS = 4e3;
var batch = 0;
var points = [];
var progress = O(() => {
  const listed = ofProject.value.filter((it) => it.batch === batch);
  let size = 0;
  let done = 0;
  for (const it of listed) {
    const whole = it.file.size + FILE_BYTES;
    size += whole;
    const sent = it.file.size ? it.sent.value / it.file.size : 0;
    done += whole * (it.isActive ? sent : 1);
  }
  const ended2 = listed.filter((it) => !it.isActive).length;
  const share = size ? done / size : 0;
  return { files: listed.length, ended: ended2, share, leftS: secondsLeft(size, done) };
});
function secondsLeft(size, done) {
  const at = performance.now();
  const [before] = points.slice(-1);
  points = before && done < before.done ? [] : points.filter((it) => at - it.at < MEASURED_MS);
  points.push({ at, done });
  const [first] = points;
  if (!first || at - first.at < FIRST_MS || done <= first.done) {
    return null;
  }
  return (size - done) * (at - first.at) / (done - first.done) / 1e3;
}
function join(added) {
  if (!active.value.length) {
    batch += 1;
    points = [];
  }
  for (const it of added) {
    it.batch = batch;
  }
}
async function unfinished(signal) {
  const params = { query: { limit: 1e3 } };
  const page = await ask(api.GET("/api/v1/uploads", { params, signal }));
  const here = new Set(uploads.value.map((it) => it.id));
  return page.items.filter((it) => !here.has(it.id) && it.status === "open");
}
async function add(chosen, folder) {
  const begun = await unfinished().catch(() => []);
  const added = chosen.map(({ file, name }) => {
    const path = folder === null ? null : folder ? `${folder}/${name}` : name;
    const made = new Upload(file, name, path);
    const before = begun.find((it) => isSame(it, made));
    if (before) {
      begun.splice(begun.indexOf(before), 1);
      continued(made, before);
    }
    return made;
  });
  join(added);
  uploads.value = [...uploads.value, ...added];
  pump();
  return added;
}
function continued(made, begun) {
  made.id = begun.id;
  made.overwrite = begun.overwrite;
  made.sent.value = begun.offset;
}
function resume(begun, file) {
  const made = new Upload(file, nameOf(begun), begun.path);
  continued(made, begun);
  join([made]);
  uploads.value = [...uploads.value, made];
  pump();
}
function retry(again, { overwrite = false } = {}) {
  join(again);
  for (const it of again) {
    if (overwrite && !it.overwrite && it.id) {
      drop(it.id);
      it.id = "";
      it.sent.value = 0;
    }
    it.overwrite ||= overwrite;
    it.problem.value = "";
    it.control = new AbortController();
    it.stage.value = "waiting";
  }
  pump();
}
function cancel(gone) {
  for (const it of gone) {
    const isKnown = it.id && it.stage.value !== "done";
    it.control.abort();
    it.stage.value = "cancelled";
    if (isKnown) {
      drop(it.id);
    }
  }
  forget(gone);
  pump();
}
function stopAll() {
  for (const it of uploads.value) {
    it.control.abort();
  }
  uploads.value = [];
}
function clearDone() {
  uploads.value = uploads.value.filter((it) => it.stage.value !== "done" || it.path === null);
}
function forget(gone) {
  uploads.value = uploads.value.filter((it) => !gone.includes(it));
}
function isFileOf(begun, file) {
  const isUnchanged = begun.modified ? Date.parse(begun.modified) === file.lastModified : file.lastModified <= Date.parse(begun.created);
  return begun.size_bytes === file.size && isUnchanged;
}
function nameOf(begun) {
  return begun.path ?? remembered()[begun.id] ?? "a file of a model";
}
function isSame(begun, it) {
  const isPlace = begun.path === null ? it.path === null && remembered()[begun.id] === it.name : begun.path === it.path;
  return isPlace && begun.modified !== null && isFileOf(begun, it.file);
}
function pump() {
  const running = active.value.filter((it) => it.stage.value !== "waiting");
  const waiting = active.value.filter((it) => it.stage.value === "waiting").sort((one, other) => one.file.size - other.file.size);
  for (const it of waiting.slice(0, Math.max(0, PARALLEL - running.length))) {
    it.stage.value = "sending";
    void run(it).finally(pump);
  }
}
async function run(it) {
  const { control } = it;
  try {
    await attempt(it).catch((cause) => {
      if (!(cause instanceof ProblemError && cause.status === NOT_FOUND && it.id)) {
        throw cause;
      }
      it.id = "";
      it.sent.value = 0;
      return attempt(it);
    });
    it.stage.value = "done";
    forgetFile(it.id, it.path !== null);
  } catch (cause) {
    if (control.signal.aborted) {
      return;
    }
    const problem = problemIn(cause);
    const isTaken = problem.status === CONFLICT && it.path !== null && !it.overwrite;
    it.problem.value = problem.detail;
    it.stage.value = isTaken ? "taken" : "failed";
  }
}
async function attempt(it) {
  await begin(it);
  await send(it);
  if (it.path !== null) {
    it.stage.value = "saving";
    await patiently(it, () => finish(it));
  }
}
async function begin(it) {
  const { signal } = it.control;
  if (it.id) {
    await look(it);
    await checkFree(it);
    return;
  }
  const body = {
    path: it.path,
    size: it.file.size,
    overwrite: it.overwrite,
    modified: modifiedOf(it.file)
  };
  const made = await patiently(it, () => ask(api.POST("/api/v1/uploads", { body, signal })));
  it.id = made.id;
  it.mostChunk = Math.min(MOST_CHUNK, made.max_chunk_bytes);
  remember(it);
}
async function checkFree(it) {
  if (it.path === null || it.overwrite) {
    return;
  }
  const params = { path: { path: it.path } };
  const { signal } = it.control;
  const found = await patiently(
    it,
    () => ask(api.GET("/api/v1/files/{path}", { params, signal })).catch((cause) => {
      if (cause instanceof ProblemError && cause.status === NOT_FOUND) {
        return null;
      }
      throw cause;
    })
  );
  if (found) {
    throw new ProblemError(CONFLICT, "File exists", `${it.path} exists`);
  }
}
function modifiedOf(file) {
  const at = new Date(file.lastModified).toISOString();
  return /^\d{4}-/.test(at) ? at : null;
}
async function send(it) {
  let chunk = FIRST_CHUNK;
  while (it.sent.value < it.file.size) {
    const at = it.sent.value;
    const start = performance.now();
    try {
      it.sent.value = await part(it, at, chunk);
      const seconds = (performance.now() - start) / 1e3;
      const rate = (it.sent.value - at) / Math.max(seconds, 1e-3);
      it.rate.value = it.rate.value ? it.rate.value * 0.7 + rate * 0.3 : rate;
      chunk = seconds < CHUNK_S ? Math.min(chunk * 2, it.mostChunk) : chunk;
    } catch (cause) {
      const isElsewhere = cause instanceof ProblemError && cause.status === CONFLICT;
      if (!isElsewhere && !isPassing(cause)) {
        throw cause;
      }
      await readable(it);
      chunk = FIRST_CHUNK;
      if (!isElsewhere) {
        await waitFor(it, 1, cause);
      }
      await look(it);
    }
  }
}
async function part(it, at, chunk) {
  const answer = await ask(
    api.PUT("/api/v1/uploads/{id}", {
      params: { path: { id: it.id }, query: { offset: at } },
      body: it.file.slice(at, at + chunk),
      bodySerializer: (body) => body,
      headers: { "content-type": "application/octet-stream" },
      signal: it.control.signal
    })
  );
  return answer.offset;
}
async function look(it) {
  const params = { path: { id: it.id } };
  const { signal } = it.control;
  const now2 = await patiently(
    it,
    () => ask(api.GET("/api/v1/uploads/{id}", { params, signal }))
  );
  it.sent.value = now2.offset;
  it.mostChunk = Math.min(MOST_CHUNK, now2.max_chunk_bytes);
  it.stage.value = "sending";
}
async function finish(it) {
  const params = { path: { id: it.id } };
  const { signal } = it.control;
  const done = await ask(
    api.POST("/api/v1/uploads/{id}/finish", { params, body: { sha256: null }, signal })
  );
  if ("status" in done) {
    await ended(done).catch((cause) => {
      if (cause instanceof ProblemError && cause.status === NOT_FOUND) {
        throw new ProblemError(0, "No connection", cause.detail);
      }
      throw cause;
    });
  }
}
async function patiently(it, act) {
  const before = it.stage.value;
  for (let count2 = 1; ; count2 += 1) {
    try {
      const data = await act();
      it.stage.value = before;
      return data;
    } catch (cause) {
      const problem = asProblem(cause);
      if (!isPassing(problem)) {
        throw cause;
      }
      await waitFor(it, count2, problem);
    }
  }
}
async function waitFor(it, count2, cause) {
  it.control.signal.throwIfAborted();
  const isLocked = cause instanceof ProblemError && cause.status === NO_LOGIN;
  it.stage.value = isLocked ? "locked" : "lost";
  it.rate.value = 0;
  await pause(Math.min(500 * 2 ** count2, LONGEST_WAIT_MS2));
  it.control.signal.throwIfAborted();
}
async function readable(it) {
  try {
    await it.file.slice(0, 1).arrayBuffer();
  } catch {
    const words = `“${it.name}” was changed, moved or deleted on this computer: choose it again.`;
    throw new ProblemError(CONFLICT + 1, "File not readable", words);
  }
}
function drop(id) {
  void api.DELETE("/api/v1/uploads/{id}", { params: { path: { id } } }).catch(() => void 0);
  forgetFile(id, true);
}
var STORE = "hopsartifacts-uploads";
function remembered() {
  try {
    return JSON.parse(localStorage.getItem(STORE) ?? "{}");
  } catch {
    return {};
  }
}
function keep2(known) {
  try {
    localStorage.setItem(STORE, JSON.stringify(known));
  } catch {
  }
}
function remember(it) {
  if (it.path === null) {
    keep2({ ...remembered(), [it.id]: it.name });
  }
}
function forgetFile(id, isOver) {
  if (isOver) {
    const { [id]: _4, ...others } = remembered();
    keep2(others);
  }
}
addEventListener("beforeunload", (event) => {
  if (active.value.length) {
    event.preventDefault();
  }
});

// src/pages/files/upload.tsx
var MOST_SHOWN = 100;
function lockedBy(row) {
  if (row === null) {
    return "Files can only be uploaded to a folder: open one first.";
  }
  return row?.is_managed ? "This folder is managed: change it on the pages of its model or deployment." : "";
}
function useFolder(path) {
  const loaded = useLoad(
    path ? `folder ${path}` : null,
    (signal) => ask(api.GET("/api/v1/files/{path}", { params: { path: { path } }, signal }))
  );
  return path ? loaded.data : null;
}
function Uploads({ folder }) {
  const reason = lockedBy(useFolder(folder));
  const files = T2(null);
  const folders = T2(null);
  const asFolders = (input) => {
    folders.current = input;
    if (input) {
      input.webkitdirectory = true;
    }
  };
  const chosen = (input) => {
    const found = chosenIn(input);
    input.value = "";
    void add(found, folder);
  };
  return /* @__PURE__ */ a4($, { children: [
    /* @__PURE__ */ a4(Action, { scope: "write", disabledBy: reason, onClick: () => folders.current?.click(), children: "Upload folder" }),
    /* @__PURE__ */ a4(
      Action,
      {
        scope: "write",
        kind: "primary",
        disabledBy: reason,
        onClick: () => files.current?.click(),
        children: "Upload files"
      }
    ),
    /* @__PURE__ */ a4(
      "input",
      {
        ref: files,
        type: "file",
        hidden: true,
        multiple: true,
        "aria-label": "Files to upload",
        onChange: (event) => chosen(event.currentTarget)
      }
    ),
    /* @__PURE__ */ a4(
      "input",
      {
        ref: asFolders,
        type: "file",
        hidden: true,
        "aria-label": "Folder to upload",
        onChange: (event) => chosen(event.currentTarget)
      }
    ),
    /* @__PURE__ */ a4(Drop, { folder, reason })
  ] });
}
function Drop({ folder, reason }) {
  const isOver = useSignal(false);
  const latest = T2({ folder, reason });
  latest.current = { folder, reason: reason || forbidden("write") };
  A2(() => {
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files") ?? false;
    const over = (event) => {
      if (hasFiles(event)) {
        event.preventDefault();
        isOver.value = true;
      }
    };
    const leave = (event) => {
      if (!event.relatedTarget) {
        isOver.value = false;
      }
    };
    const drop2 = (event) => {
      isOver.value = false;
      if (!event.dataTransfer || !hasFiles(event)) {
        return;
      }
      event.preventDefault();
      const { folder: folder2, reason: reason2 } = latest.current;
      if (reason2) {
        toast(reason2, "bad");
      } else {
        void dropped(event.dataTransfer).then((found) => add(found, folder2));
      }
    };
    document.addEventListener("dragover", over);
    document.addEventListener("dragleave", leave);
    document.addEventListener("drop", drop2);
    return () => {
      document.removeEventListener("dragover", over);
      document.removeEventListener("dragleave", leave);
      document.removeEventListener("drop", drop2);
    };
  }, [isOver]);
  if (!isOver.value) {
    return null;
  }
  return /* @__PURE__ */ a4("div", { class: "drop", children: /* @__PURE__ */ a4("b", { children: latest.current.reason || `Drop files and folders to upload them to ${folder}` }) });
}
function UploadTray() {
  const listed = ofProject.value;
  const isOpen = useSignal(true);
  A2(keepPage, []);
  const here = active.value.filter((it) => it.path !== null);
  if (!listed.length) {
    return null;
  }
  const rate = here.reduce((sum, it) => sum + it.rate.value, 0);
  const taken = listed.filter((it) => it.stage.value === "taken");
  const bad = listed.filter((it) => it.stage.value === "failed");
  const begun = here.filter((it) => it.stage.value !== "waiting");
  const waiting = here.filter((it) => it.stage.value === "waiting").sort((one, other) => one.file.size - other.file.size);
  const done = listed.filter((it) => it.stage.value === "done");
  const words = here.length ? sendingWords(begun) : summary(listed, taken.length + bad.length);
  return /* @__PURE__ */ a4("section", { class: "tray", "aria-label": "Uploads", children: [
    /* @__PURE__ */ a4("div", { class: "tray-head", children: [
      /* @__PURE__ */ a4("b", { role: "status", children: words }),
      here.length && rate ? /* @__PURE__ */ a4("span", { class: "sub", children: [
        bytes(rate),
        "/s"
      ] }) : null,
      /* @__PURE__ */ a4("div", { class: "tray-actions", children: [
        taken.length > 1 ? /* @__PURE__ */ a4($, { children: [
          /* @__PURE__ */ a4(Action, { small: true, onClick: () => retry(taken, { overwrite: true }), children: [
            "Replace all ",
            taken.length
          ] }),
          /* @__PURE__ */ a4(Action, { small: true, onClick: () => cancel(taken), children: [
            "Skip all ",
            taken.length
          ] })
        ] }) : null,
        here.length > 1 ? /* @__PURE__ */ a4(Action, { small: true, kind: "quiet", onClick: () => cancelAll(here.length), children: "Cancel all" }) : null,
        here.length ? null : /* @__PURE__ */ a4(Action, { small: true, kind: "quiet", onClick: () => clear(listed), children: "Clear" }),
        /* @__PURE__ */ a4(
          "button",
          {
            type: "button",
            class: "button small quiet",
            "aria-expanded": isOpen.value,
            onClick: () => {
              isOpen.value = !isOpen.value;
            },
            children: isOpen.value ? "Less" : "More"
          }
        )
      ] })
    ] }),
    isOpen.value ? /* @__PURE__ */ a4("ul", { class: "tray-list", children: [
      [...bad, ...taken, ...begun, ...waiting, ...done].slice(0, MOST_SHOWN).map((it) => /* @__PURE__ */ a4(UploadRow, { of: it }, it.key)),
      listed.length > MOST_SHOWN ? /* @__PURE__ */ a4("li", { class: "sub", children: [
        "and ",
        many(listed.length - MOST_SHOWN, "other")
      ] }) : null
    ] }) : null
  ] });
}
function keepPage() {
  const over = (event) => event.preventDefault();
  const drop2 = (event) => {
    if (!event.defaultPrevented && event.dataTransfer?.types.includes("Files")) {
      event.preventDefault();
      toast(
        "Nothing was uploaded: open a folder that is not managed, and drop the files there.",
        "bad"
      );
    }
  };
  addEventListener("dragover", over);
  addEventListener("drop", drop2);
  return () => {
    removeEventListener("dragover", over);
    removeEventListener("drop", drop2);
  };
}
function clear(listed) {
  cancel(listed.filter((it) => it.stage.value !== "done"));
  clearDone();
}
function cancelAll(files) {
  confirm({
    title: `Cancel ${many(files, "upload")}?`,
    body: "What was sent of these files is deleted. Files that are complete stay.",
    action: "Cancel all",
    isDangerous: true,
    // A file that is being written to the project cannot be taken back.
    run: async () => cancel(active.value.filter(isCancellable))
  });
}
function isCancellable(it) {
  return it.path !== null && it.stage.value !== "saving";
}
function sendingWords(begun) {
  const { files, ended: ended2, share, leftS } = progress.value;
  const stages = begun.map((it) => it.stage.value);
  const isLocked = stages.includes("locked");
  const isLost = stages.length > 0 && stages.every((it) => it === "lost");
  const at = files === 1 ? "1 file" : `${Math.min(ended2 + 1, files)} of ${many(files, "file")}`;
  const part2 = `${at}, ${Math.floor(100 * share)} %`;
  if (isLocked) {
    return `Log in again to continue: ${part2}`;
  }
  if (isLost) {
    return `Waiting for the server: ${part2}`;
  }
  return `Uploading ${part2}${leftS === null ? "" : `, ${timeLeft(leftS)}`}`;
}
function summary(listed, failed) {
  const done = listed.length - failed;
  const words = done ? `Uploaded ${many(done, "file")}` : "";
  const not = failed ? `${many(failed, "file")} not uploaded` : "";
  return [words, not].filter(Boolean).join(" · ");
}
function UploadRow({ of }) {
  const stage = of.stage.value;
  const size = of.file.size;
  const isAsking = stage === "taken" || stage === "failed";
  return /* @__PURE__ */ a4("li", { class: "upload", children: [
    /* @__PURE__ */ a4("div", { class: "upload-line", children: [
      /* @__PURE__ */ a4(Name, { of: of.path ?? of.name }),
      /* @__PURE__ */ a4("span", { class: "sub upload-size", children: WORDS[stage](of) }),
      isAsking ? /* @__PURE__ */ a4(
        Action,
        {
          small: true,
          label: `${stage === "taken" ? "Replace" : "Try again"}: ${of.name}`,
          onClick: () => retry([of], { overwrite: stage === "taken" }),
          children: stage === "taken" ? "Replace" : "Try again"
        }
      ) : null,
      stage === "done" && of.path !== null ? null : /* @__PURE__ */ a4(
        Action,
        {
          small: true,
          kind: "quiet",
          disabledBy: stage === "saving" ? "It is being written to the project: wait for it." : "",
          label: `${isAsking ? "Skip" : "Cancel"} ${of.name}`,
          onClick: () => cancel([of]),
          children: "✕"
        }
      )
    ] }),
    ["sending", "lost", "locked", "saving"].includes(stage) ? /* @__PURE__ */ a4(
      "progress",
      {
        "aria-label": of.name,
        max: size || 1,
        value: stage === "saving" ? void 0 : of.sent.value
      }
    ) : null,
    of.problem.value && stage !== "taken" ? /* @__PURE__ */ a4("div", { class: "hint bad", children: of.problem.value }) : null
  ] });
}
function Name({ of }) {
  const start = of.lastIndexOf("/") + 1;
  return /* @__PURE__ */ a4("span", { class: "upload-name", title: of, children: [
    /* @__PURE__ */ a4("span", { class: "upload-folder", children: of.slice(0, start) }),
    /* @__PURE__ */ a4("span", { class: "upload-file", children: of.slice(start) })
  ] });
}
var WORDS = {
  waiting: () => "waiting",
  sending: (it) => {
    const rate = it.rate.value ? ` · ${bytes(it.rate.value)}/s` : "";
    return `${bytes(it.sent.value)} of ${bytes(it.file.size)}${rate}`;
  },
  lost: (it) => `${bytes(it.sent.value)} of ${bytes(it.file.size)} · no answer`,
  locked: (it) => `${bytes(it.sent.value)} of ${bytes(it.file.size)} · log in again`,
  saving: () => "writing to the project",
  taken: () => "a file with this name exists",
  failed: () => "failed",
  done: (it) => bytes(it.file.size),
  cancelled: () => "cancelled"
};
function Unfinished({ isForModel = false }) {
  const here = uploads.value.map((it) => it.id).join();
  const loaded = useLoad("unfinished uploads", unfinished, ["file"]);
  const listed = (loaded.data ?? []).filter(
    (it) => it.path === null === isForModel && !here.includes(it.id)
  );
  const input = T2(null);
  const wanted = useSignal(null);
  if (!listed.length) {
    return null;
  }
  const choose = (it) => {
    wanted.value = it;
    input.current?.click();
  };
  const remove = async (it) => {
    const params = { path: { id: it.id } };
    await ask(api.DELETE("/api/v1/uploads/{id}", { params }));
    loaded.reload();
  };
  const chosen = (file) => {
    const begun = wanted.value;
    if (!file || !begun) {
      return;
    }
    if (isFileOf(begun, file)) {
      resume(begun, file);
    } else {
      const size = bytes(begun.size_bytes);
      toast(
        `“${file.name}” is not the file of this upload (${size}), or was changed since: choose the same file.`,
        "bad"
      );
    }
  };
  return /* @__PURE__ */ a4("section", { class: "card unfinished", "aria-label": "Unfinished uploads", children: [
    /* @__PURE__ */ a4("h2", { children: "Unfinished uploads" }),
    /* @__PURE__ */ a4("p", { class: "sub", children: "Choose the same file or folder again: its upload continues where it stopped. The server removes an upload that nobody continues for 24 hours." }),
    /* @__PURE__ */ a4("ul", { class: "tray-list", children: listed.map((it) => /* @__PURE__ */ a4("li", { class: "upload", children: [
      /* @__PURE__ */ a4("div", { class: "upload-line", children: [
        /* @__PURE__ */ a4(Name, { of: nameOf(it) }),
        /* @__PURE__ */ a4("span", { class: "sub upload-size", children: [
          /* @__PURE__ */ a4(Size, { of: it.offset }),
          " of ",
          /* @__PURE__ */ a4(Size, { of: it.size_bytes }),
          ", started",
          " ",
          /* @__PURE__ */ a4(Time, { at: it.created })
        ] }),
        /* @__PURE__ */ a4(
          Action,
          {
            small: true,
            scope: "write",
            label: `Continue ${nameOf(it)}`,
            onClick: () => choose(it),
            children: "Continue"
          }
        ),
        /* @__PURE__ */ a4(
          Action,
          {
            small: true,
            kind: "quiet",
            scope: "write",
            label: `Remove ${nameOf(it)}`,
            onClick: () => remove(it),
            children: "Remove"
          }
        )
      ] }),
      /* @__PURE__ */ a4("progress", { "aria-label": nameOf(it), max: it.size_bytes || 1, value: it.offset })
    ] }, it.id)) }),
    /* @__PURE__ */ a4(
      "input",
      {
        ref: input,
        type: "file",
        hidden: true,
        "aria-label": "File to continue with",
        onChange: (event) => {
          chosen(event.currentTarget.files?.[0]);
          event.currentTarget.value = "";
        }
      }
    )
  ] });
}

// src/keyboard.ts
var opened = y3(null);
var KEYS = [
  ["/ or Ctrl+K", "Search models, deployments and files"],
  ["g d", "Go to the deployments"],
  ["g m", "Go to the models"],
  ["g f", "Go to the files"],
  ["g h", "Go to the health page"],
  ["j, k", "Next and previous row of a list"],
  ["Enter", "Open the row"],
  ["x", "Select the row"],
  ["?", "Show these keys"],
  ["Escape", "Close a dialog or a menu"]
];
var PLACES = {
  d: "/deployments",
  m: "/models",
  f: "/files",
  h: "/health"
};
function startKeys() {
  let isAfterG = false;
  addEventListener("keydown", (event) => {
    const isSearch = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
    if (isSearch) {
      event.preventDefault();
      opened.value = "search";
      return;
    }
    if (isTyping(event)) {
      return;
    }
    const there = isAfterG ? PLACES[event.key] : void 0;
    isAfterG = event.key === "g";
    if (there) {
      go(to(there));
    } else if (event.key === "/") {
      event.preventDefault();
      opened.value = "search";
    } else if (event.key === "?") {
      opened.value = "keys";
    }
  });
}
function useKeys(press) {
  const latest = T2(press);
  latest.current = press;
  F2(() => {
    const listen2 = (event) => latest.current(event);
    addEventListener("keydown", listen2);
    return () => removeEventListener("keydown", listen2);
  }, []);
}
function isTyping(event) {
  const target = event.target;
  const isField = target.closest?.("input, textarea, select, [contenteditable]");
  const isBox = target instanceof HTMLInputElement && target.type === "checkbox";
  const isModified = event.ctrlKey || event.metaKey || event.altKey;
  return Boolean(isField && !isBox || isModified || document.querySelector("dialog[open]"));
}

// src/parts/Problem.tsx
function Problem(props) {
  const { problem } = props;
  return /* @__PURE__ */ a4("div", { class: "card problem", role: "alert", children: [
    /* @__PURE__ */ a4("h2", { children: problem.title }),
    /* @__PURE__ */ a4("p", { children: sentence(problem.detail) }),
    props.onRetry ? /* @__PURE__ */ a4("button", { type: "button", class: "button", onClick: props.onRetry, children: "Try again" }) : null,
    problem.requestId ? /* @__PURE__ */ a4("p", { class: "sub request", children: [
      "Request ",
      /* @__PURE__ */ a4("span", { class: "mono", children: problem.requestId }),
      " in the server's log"
    ] }) : null
  ] });
}
function Waiting({ lines = 6 }) {
  return /* @__PURE__ */ a4("div", { class: "waiting", role: "status", "aria-label": "Loading", children: Array.from({ length: lines }, (_4, index) => /* @__PURE__ */ a4("div", { class: "bar-grey" }, index)) });
}
function Shown(props) {
  const { data, problem, reload } = props.loaded;
  if (data !== void 0) {
    return /* @__PURE__ */ a4($, { children: [
      problem && problem.status !== 0 ? /* @__PURE__ */ a4(Problem, { problem, onRetry: reload }) : null,
      props.children(data)
    ] });
  }
  if (problem) {
    return /* @__PURE__ */ a4(Problem, { problem, onRetry: reload });
  }
  return /* @__PURE__ */ a4(Waiting, { lines: props.lines });
}
function Empty(props) {
  return /* @__PURE__ */ a4("div", { class: "empty", children: [
    /* @__PURE__ */ a4("h2", { children: props.title }),
    props.children
  ] });
}

// src/theme.ts
var THEMES = ["system", "light", "dark"];
var KEY = "theme";
function kept2() {
  const value = localStorage.getItem(KEY);
  return THEMES.find((it) => it === value) ?? "system";
}
var theme = y3(kept2());
x2(() => {
  document.documentElement.dataset.theme = theme.value;
  localStorage.setItem(KEY, theme.value);
});

// src/search.tsx
var close = () => {
  opened.value = null;
};
function SearchButton() {
  return /* @__PURE__ */ a4("button", { type: "button", class: "find", onClick: () => opened.value = "search", children: [
    /* @__PURE__ */ a4("span", { children: "Search models, deployments, files" }),
    /* @__PURE__ */ a4("kbd", { children: "/" })
  ] });
}
function Dialogs() {
  if (opened.value === "search") {
    return /* @__PURE__ */ a4(Search, {});
  }
  return opened.value === "keys" ? /* @__PURE__ */ a4(Dialog, { title: "Keys", onClose: close, children: /* @__PURE__ */ a4("dl", { children: KEYS.map(([key, words]) => /* @__PURE__ */ a4($, { children: [
    /* @__PURE__ */ a4("dt", { children: /* @__PURE__ */ a4("kbd", { children: key }) }),
    /* @__PURE__ */ a4("dd", { children: words })
  ] }, key)) }) }) : null;
}
function hrefOf(hit) {
  switch (hit.kind) {
    case "model":
      return to("/models", hit.name);
    case "version":
      return `${to("/models", hit.model ?? "")}/versions/${hit.version}`;
    case "deployment":
      return to("/deployments", hit.name);
    default:
      return to("/files", ...(hit.path ?? "").split("/"));
  }
}
function Search() {
  const [text, setText] = d2("");
  const [typed, setTyped] = d2("");
  const [at, setAt] = d2(0);
  const timer = T2(0);
  const field = T2(null);
  const list = P2();
  const found = useLoad(
    typed ? `search ${typed}` : null,
    (signal) => ask(api.GET("/api/v1/search", { params: { query: { q: typed } }, signal }))
  );
  const hits = found.data?.hits ?? [];
  A2(() => {
    field.current?.focus();
    return () => clearTimeout(timer.current);
  }, []);
  const type = (value) => {
    setText(value);
    setAt(0);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setTyped(value.trim()), TYPING_MS);
  };
  const open = (hit) => {
    close();
    go(hrefOf(hit));
  };
  const press = (event) => {
    const hit = hits[at];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      setAt(Math.max(0, Math.min(hits.length - 1, at + step)));
    } else if (event.key === "Enter" && hit) {
      open(hit);
    } else {
      return;
    }
    event.preventDefault();
  };
  return /* @__PURE__ */ a4(Dialog, { title: "Search", onClose: close, isWide: true, children: [
    /* @__PURE__ */ a4(
      "input",
      {
        ref: field,
        class: "input",
        role: "combobox",
        "aria-label": "Search models, deployments and files",
        "aria-expanded": hits.length > 0,
        "aria-controls": list,
        "aria-activedescendant": hits[at] ? `${list}-${at}` : void 0,
        placeholder: "Name, alias or tag; several words must all occur",
        value: text,
        autocomplete: "off",
        spellcheck: false,
        onInput: (event) => type(event.currentTarget.value),
        onKeyDown: press
      }
    ),
    /* @__PURE__ */ a4("div", { class: "hits", role: "listbox", id: list, "aria-label": "Found", children: hits.map((hit, index) => (
      // biome-ignore lint/a11y/useKeyWithClickEvents: the field handles the keys
      /* @__PURE__ */ a4(
        "div",
        {
          id: `${list}-${index}`,
          role: "option",
          tabIndex: -1,
          "aria-selected": index === at,
          class: index === at ? "at" : "",
          onClick: () => open(hit),
          children: [
            /* @__PURE__ */ a4(Chip, { children: hit.kind }),
            " ",
            /* @__PURE__ */ a4("b", { children: [
              hit.path ?? hit.model ?? hit.name,
              hit.version ? ` version ${hit.version}` : ""
            ] }),
            " ",
            /* @__PURE__ */ a4("span", { class: "sub", children: hit.matched })
          ]
        },
        `${hit.kind} ${hit.name} ${hit.version ?? ""}`
      )
    )) }),
    found.problem ? /* @__PURE__ */ a4(Problem, { problem: found.problem, onRetry: found.reload }) : null,
    /* @__PURE__ */ a4("p", { class: "sub", role: "status", children: [
      typed && found.data && !hits.length ? `Nothing fits “${typed}”. Files of models and artifacts are not searched: open the model. ` : "",
      found.data?.is_whole === false ? "Not all files were searched, as there are too many: open a folder and search there." : ""
    ] })
  ] });
}

// src/session.ts
async function session(method, body) {
  const headers = { "content-type": "application/json" };
  const sent = body ? { headers, body: JSON.stringify(body) } : {};
  const response = await observed(new Request("/ui/session", { method, ...sent }));
  if (!response.ok) {
    throw problemOf(response, await response.json().catch(() => null));
  }
}
async function logOut() {
  await session("DELETE");
  stopAll();
  me.value = null;
  forgetAll();
  go(to("/login"));
}

// src/frame.tsx
var SECTIONS = [
  { path: "/deployments", label: "Deployments" },
  { path: "/models", label: "Models" },
  { path: "/files", label: "Files" },
  { path: "/health", label: "Health" },
  { path: "/keys", label: "Keys" }
];
function Page(props) {
  const words = props.crumbs.map((it) => it.label).reverse();
  A2(() => {
    document.title = [...words, "hopsartifacts"].join(" · ");
  });
  return /* @__PURE__ */ a4($, { children: [
    /* @__PURE__ */ a4(Bar, { crumbs: props.crumbs }),
    /* @__PURE__ */ a4("main", { class: "page", id: "main", tabIndex: -1, children: [
      /* @__PURE__ */ a4("div", { class: "head", children: [
        /* @__PURE__ */ a4("h1", { children: props.title }),
        /* @__PURE__ */ a4("span", { class: "grow" }),
        props.actions
      ] }),
      props.children
    ] })
  ] });
}
function Frame({ children }) {
  const isOpen = useSignal(false);
  const path = place.value.path;
  A2(() => {
    isOpen.value = false;
  }, [path]);
  return /* @__PURE__ */ a4("div", { class: `frame ${isOpen.value ? "menu-open" : ""}`, children: [
    /* @__PURE__ */ a4("a", { class: "skip", href: "#main", children: "Skip to the page" }),
    /* @__PURE__ */ a4(Rail, { isOpen: isOpen.value, onToggle: () => isOpen.value = !isOpen.value }),
    /* @__PURE__ */ a4("div", { class: "body", children: [
      /* @__PURE__ */ a4(Connection, {}),
      children
    ] }),
    /* @__PURE__ */ a4(Dialogs, {}),
    /* @__PURE__ */ a4(Questions, {}),
    /* @__PURE__ */ a4(UploadTray, {}),
    /* @__PURE__ */ a4(Toasts, {})
  ] });
}
function Rail(props) {
  const project = useLoad("project", (signal) => ask(api.GET("/api/v1/project", { signal })));
  const counts = useLoad(
    "counts",
    async (signal) => {
      const query = { limit: 1 };
      const [deployments, models] = await Promise.all([
        ask(api.GET("/api/v1/deployments", { params: { query }, signal })),
        ask(api.GET("/api/v1/models", { params: { query }, signal }))
      ]);
      return { "/deployments": deployments.total, "/models": models.total };
    },
    ["deployment", "deployment-removed", "model", "model-removed"]
  );
  return /* @__PURE__ */ a4("nav", { class: "rail", "aria-label": "Sections", children: [
    /* @__PURE__ */ a4("div", { class: "brand", children: [
      /* @__PURE__ */ a4(Mark, {}),
      /* @__PURE__ */ a4("a", { href: to("/deployments"), children: "hopsartifacts" }),
      /* @__PURE__ */ a4(
        "button",
        {
          type: "button",
          class: "button small burger",
          "aria-expanded": props.isOpen,
          onClick: props.onToggle,
          children: "Menu"
        }
      )
    ] }),
    /* @__PURE__ */ a4("div", { class: "sections", children: [
      SECTIONS.map((it) => {
        const isHere = place.value.path.startsWith(it.path);
        const total = counts.data?.[it.path];
        return /* @__PURE__ */ a4("a", { href: to(it.path), "aria-current": isHere ? "page" : void 0, children: [
          /* @__PURE__ */ a4("span", { children: it.label }),
          /* @__PURE__ */ a4("span", { class: "muted", children: total === void 0 ? "" : count(total) })
        ] }, it.path);
      }),
      /* @__PURE__ */ a4("div", { class: "foot", children: [
        /* @__PURE__ */ a4("div", { class: "url", title: project.data?.url, children: project.data?.url ?? " " }),
        me.value ? /* @__PURE__ */ a4(Who, { me: me.value }) : null,
        /* @__PURE__ */ a4(ThemeChoice, {})
      ] })
    ] })
  ] });
}
function Who({ me: me2 }) {
  const allowed = me2.read_only ? "read-only" : me2.scopes.join(", ");
  return /* @__PURE__ */ a4("div", { children: [
    me2.login === "link" ? "user" : "key",
    " ",
    /* @__PURE__ */ a4("b", { children: me2.name }),
    " · ",
    allowed,
    me2.login === "session" ? /* @__PURE__ */ a4($, { children: [
      " ",
      "·",
      " ",
      /* @__PURE__ */ a4("button", { type: "button", class: "link", onClick: () => void logOut(), children: "log out" })
    ] }) : null
  ] });
}
function Mark() {
  return /* @__PURE__ */ a4("svg", { width: "20", height: "20", viewBox: "0 0 20 20", "aria-hidden": "true", children: [
    /* @__PURE__ */ a4("rect", { class: "mark", x: "2", y: "2", width: "7", height: "7", rx: "1.5" }),
    /* @__PURE__ */ a4("rect", { class: "mark half", x: "11", y: "2", width: "7", height: "7", rx: "1.5" }),
    /* @__PURE__ */ a4("rect", { class: "mark half", x: "2", y: "11", width: "7", height: "7", rx: "1.5" }),
    /* @__PURE__ */ a4("rect", { class: "mark", x: "11", y: "11", width: "7", height: "7", rx: "1.5" })
  ] });
}
function ThemeChoice() {
  return /* @__PURE__ */ a4("label", { class: "theme", children: [
    "Theme",
    " ",
    /* @__PURE__ */ a4(
      "select",
      {
        value: theme.value,
        onChange: (event) => {
          theme.value = event.currentTarget.value;
        },
        children: THEMES.map((it) => /* @__PURE__ */ a4("option", { value: it, children: it }, it))
      }
    )
  ] });
}
function Bar({ crumbs }) {
  return /* @__PURE__ */ a4("header", { class: "bar", children: [
    /* @__PURE__ */ a4("nav", { class: "crumbs", "aria-label": "Place", children: crumbs.map((it, index) => /* @__PURE__ */ a4("span", { children: it.href && index < crumbs.length - 1 ? /* @__PURE__ */ a4("a", { href: it.href, children: it.label }) : /* @__PURE__ */ a4("b", { "aria-current": "page", children: it.label }) }, it.href ?? it.label)) }),
    /* @__PURE__ */ a4(SearchButton, {}),
    /* @__PURE__ */ a4(Live, {})
  ] });
}
function Live() {
  const at = new Date(connection.value.since).toLocaleTimeString("en-GB", {
    timeStyle: "short"
  });
  if (!connection.value.isUp) {
    return /* @__PURE__ */ a4("span", { class: "live off", children: [
      "as of ",
      at
    ] });
  }
  return isLive.value ? /* @__PURE__ */ a4("span", { class: "live", children: "live" }) : /* @__PURE__ */ a4("span", { class: "live wait", children: "connecting" });
}
var LONG_MS = 6e4;
function Connection() {
  const { isUp, since } = connection.value;
  if (isUp) {
    return /* @__PURE__ */ a4("div", { role: "status" });
  }
  const at = new Date(since).toLocaleTimeString("en-GB", { timeStyle: "medium" });
  const isLong = me.value?.login === "link" && now.value - since > LONG_MS;
  return /* @__PURE__ */ a4("div", { class: "banner", role: "status", children: [
    "The server has not answered since ",
    at,
    ". This page shows the last data that it received, and updates itself when the server answers again.",
    isLong ? /* @__PURE__ */ a4($, { children: [
      " ",
      "If you started ",
      /* @__PURE__ */ a4("code", { children: "hopsartifacts ui" }),
      " again, use the tab that it opened."
    ] }) : null
  ] });
}

// src/parts/Code.tsx
function Snippet({ text, label }) {
  return /* @__PURE__ */ a4("section", { class: "snippet", "aria-label": label ?? "Code", children: [
    /* @__PURE__ */ a4("pre", { class: "code", tabIndex: 0, children: text }),
    /* @__PURE__ */ a4(Copy, { text })
  ] });
}
function Diff({ lines }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard has to reach what scrolls
    /* @__PURE__ */ a4("pre", { class: "code diff", tabIndex: 0, children: lines.map((line, index) => {
      const isHead = line.startsWith("+++") || line.startsWith("---");
      const name = isHead || line.startsWith("@@") ? "muted" : TONES[line[0] ?? " "];
      return /* @__PURE__ */ a4("span", { class: name ?? "same", children: line || " " }, index);
    }) })
  );
}
var TONES = { "+": "add", "-": "del" };
var NAMES = { python: "Python", cli: "command line", curl: "curl" };
function useWithProject() {
  const project = useLoad("project", (signal) => ask(api.GET("/api/v1/project", { signal })));
  const url = project.data?.url;
  return (way, text) => {
    if (!url || way === "curl") {
      return text;
    }
    return way === "cli" ? `export HOPSARTIFACTS_URL=${shell(url)}
${text}` : `import hopsartifacts

project = hopsartifacts.login(${python(url)})
${text}`;
  };
}
function Example({ way, code }) {
  return /* @__PURE__ */ a4(Snippet, { text: useWithProject()(way, code) });
}
function SameIn({ ways }) {
  const withProject = useWithProject();
  const [shown, setShown] = d2(null);
  const names = Object.keys(NAMES).filter((it) => ways[it]);
  return /* @__PURE__ */ a4("span", { class: "same-in sub", children: [
    "Same in",
    " ",
    names.map((it, index) => /* @__PURE__ */ a4("span", { children: [
      index ? " · " : "",
      /* @__PURE__ */ a4("button", { type: "button", class: "link", onClick: () => setShown(it), children: NAMES[it] })
    ] }, it)),
    shown ? /* @__PURE__ */ a4(Dialog, { title: `The same in ${NAMES[shown]}`, onClose: () => setShown(null), isWide: true, children: [
      /* @__PURE__ */ a4(Snippet, { text: withProject(shown, ways[shown] ?? ""), label: NAMES[shown] }),
      shown === "curl" ? /* @__PURE__ */ a4(ForCurl, {}) : null
    ] }) : null
  ] });
}
function ForCurl() {
  if (me.value?.has_keys === false) {
    return /* @__PURE__ */ a4("p", { class: "sub", children: [
      /* @__PURE__ */ a4("code", { children: "hopsartifacts ui" }),
      " accepts no API keys. Start a server with",
      " ",
      /* @__PURE__ */ a4("code", { children: "hopsartifacts serve" }),
      ", and use its address in place of ",
      location.origin,
      "."
    ] });
  }
  return /* @__PURE__ */ a4("p", { class: "sub", children: [
    /* @__PURE__ */ a4("code", { children: "key.txt" }),
    " contains an API key.",
    location.protocol === "https:" ? /* @__PURE__ */ a4($, { children: [
      " ",
      "If the server made its own certificate, add ",
      /* @__PURE__ */ a4("code", { children: "--cacert certificate.pem" }),
      ": it names that file when it starts."
    ] }) : null
  ] });
}
var LINE_CHARACTERS = 76;
function json(value, indent = "") {
  const flat = JSON.stringify(value) ?? "null";
  if (typeof value !== "object" || value === null) {
    return flat;
  }
  const spaced = flat.length < LINE_CHARACTERS ? inOneLine(value) : flat;
  const isList = Array.isArray(value);
  const isDeep = !isList && indent === "";
  if (!isDeep && indent.length + spaced.length <= LINE_CHARACTERS) {
    return spaced;
  }
  const inner = `${indent}  `;
  const parts = isList ? value.map((it) => json(it, inner)) : Object.entries(value).map(([key, it]) => `${JSON.stringify(key)}: ${json(it, inner)}`);
  const [open, close2] = isList ? "[]" : "{}";
  return parts.length ? `${open}
${parts.map((it) => inner + it).join(",\n")}
${indent}${close2}` : `${open}${close2}`;
}
function inOneLine(value) {
  if (Array.isArray(value)) {
    return `[${value.map(inOneLine).join(", ")}]`;
  }
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(
      ([key, it]) => `${JSON.stringify(key)}: ${inOneLine(it)}`
    );
    return `{${members.join(", ")}}`;
  }
  return JSON.stringify(value) ?? "null";
}
function curl(method, path, body, hasKey = true) {
  const url = path.startsWith("/") ? location.origin + path : path;
  const parts = [`curl -X ${method} ${shell(url)}`];
  if (hasKey) {
    parts.push(`-H "Authorization: ApiKey $(cat key.txt)"`);
  }
  if (body !== void 0) {
    const text = json(body).replaceAll("'", "'\\''");
    parts.push(`-H "Content-Type: application/json"`, `-d '${text}'`);
  }
  return parts.join(" \\\n  ");
}
function python(value) {
  if (value === null || value === void 0) {
    return "None";
  }
  if (typeof value === "boolean") {
    return value ? "True" : "False";
  }
  if (Array.isArray(value)) {
    return `[${value.map(python).join(", ")}]`;
  }
  if (typeof value === "object") {
    const members = Object.entries(value).map(([key, it]) => `${python(key)}: ${python(it)}`);
    return `{${members.join(", ")}}`;
  }
  return JSON.stringify(value);
}
function shell(value) {
  const text = String(value);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

export {
  $,
  Q,
  d2 as d,
  A2 as A,
  F2 as F,
  T2 as T,
  w2 as w,
  b,
  P2 as P,
  y3 as y,
  useSignal,
  useComputed,
  place,
  to,
  withQuery,
  go,
  setQuery,
  startRouting,
  matched,
  ProblemError,
  connection,
  me,
  api,
  observed,
  ask,
  problemOf,
  asProblem,
  problemIn,
  loadMe,
  listen,
  startLive,
  TYPING_MS,
  forgetAll,
  useLoad,
  useAgain,
  usePages,
  chosenIn,
  dropped,
  bytes,
  count,
  many,
  metric,
  duration,
  startClock,
  exact,
  clock,
  firstLine,
  sentence,
  a4 as a,
  toast,
  Action,
  Time,
  By,
  Size,
  Digest,
  Copy,
  Chip,
  State,
  Note,
  Dialog,
  FormDialog,
  confirm,
  ended,
  uploads,
  active,
  add,
  cancel,
  forget,
  lockedBy,
  useFolder,
  Uploads,
  UploadRow,
  Unfinished,
  startKeys,
  useKeys,
  isTyping,
  Problem,
  Waiting,
  Shown,
  Empty,
  session,
  logOut,
  Page,
  Frame,
  Mark,
  Snippet,
  Diff,
  Example,
  SameIn,
  ForCurl,
  json,
  curl,
  python,
  shell
};
