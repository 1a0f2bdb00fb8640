/** Why a fault that no test notices is none, by its key in the results; or what is to be done about it. */
export const judgements: Record<string, string> = {};
