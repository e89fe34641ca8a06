import { words } from "../../lib/words.svelte";

const t = words({
  vi: {
    "fact.compared": "Số gói được so sánh",
    "fact.count": "Tổng số người trong dữ liệu",
    "fact.currency": "Đồng tiền",
    "fact.importance": "Mức quan trọng",
    "fact.listings": "Tin đăng",
    "fact.people": "Loại dữ liệu cá nhân",
    "fact.plan": "Gói",
    "fact.price": "Giá",
    "fact.purchases": "Số lượt mua",
    "fact.score": "Độ lệch (điểm z hiệu chỉnh)",
    "fact.subject": "Đối tượng",
    "fact.threshold": "Ngưỡng",
    "fact.together": "Gộp lại thành",
    "fact.trades": "Số giao dịch",
    "fact.usual": "Giá thường gặp",
    "fact.value": "Giá trị",
    "fact.within_seconds": "Trong vòng",
    "kind.price": "Giá bất thường",
    "kind.reciprocal": "Mua bán qua lại",
    "kind.repeated": "Mua lặp lại",
    "kind.threshold": "Nhiều lượt mua cộng lại vượt ngưỡng",
    "kind.uncounted": "Không đếm được để so với ngưỡng",
    "people.basic": "cơ bản",
    "people.sensitive": "nhạy cảm",
    "why.price": "Gói này bán với giá lệch xa giá thường gặp của dữ liệu cùng loại.",
    "why.reciprocal": "Hai tài khoản mua của nhau, hoặc một tài khoản mua của chính mình, trong thời gian ngắn: có thể để tạo doanh số giả.",
    "why.repeated": "Một bên mua trả tiền cho cùng một gói nhiều lần trong thời gian ngắn.",
    "why.threshold": "Dữ liệu mà một bên mua đã mua, cộng lại, nói về số người vượt ngưỡng của dữ liệu quan trọng hoặc cốt lõi.",
    "why.uncounted": "Có dữ liệu cá nhân được mua mà mô tả không nói về bao nhiêu người, nên không so được với ngưỡng.",
  },
  en: {
    "fact.compared": "Plans compared with",
    "fact.count": "People in the data, together",
    "fact.currency": "Currency",
    "fact.importance": "Importance",
    "fact.listings": "Listings",
    "fact.people": "Kind of personal data",
    "fact.plan": "Plan",
    "fact.price": "Price",
    "fact.purchases": "Purchases",
    "fact.score": "Deviation (modified z-score)",
    "fact.subject": "Subject",
    "fact.threshold": "Threshold",
    "fact.together": "Together",
    "fact.trades": "Trades",
    "fact.usual": "Usual price",
    "fact.value": "Value",
    "fact.within_seconds": "Within",
    "kind.price": "Unusual price",
    "kind.reciprocal": "Trade to and fro",
    "kind.repeated": "Repeated trade",
    "kind.threshold": "Purchases that together cross a threshold",
    "kind.uncounted": "Nothing to count against a threshold",
    "people.basic": "basic",
    "people.sensitive": "sensitive",
    "why.price": "This plan sold at a price far from what data of its kind usually costs.",
    "why.reciprocal": "Two accounts buy from each other, or one from itself, within a short time: perhaps trade for show.",
    "why.repeated": "One buyer paid for the same plan many times within a short time.",
    "why.threshold": "What one buyer bought is, together, about so many people that it crosses the threshold of important or core data.",
    "why.uncounted": "Personal data was bought whose description does not say how many people it is about, so that it cannot be held against a threshold.",
  },
});

type Key = Parameters<typeof t>[0];

/** The words for it; `otherwise` where we have none. */
export function said(group: "kind" | "why" | "fact" | "people", name: string, otherwise = name): string {
  try {
    return t(`${group}.${name}` as Key);
  } catch {
    return otherwise;
  }
}
