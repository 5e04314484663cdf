import type { Dashboard } from "@grafana/schema";
/** The same with the words of enums as JSON has them. */
type Plain<T> = T extends string ? `${T}` : T extends (infer U)[] ? Plain<U>[] : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
